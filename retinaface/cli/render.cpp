// retinaface render: pictures of a mesh file, or of random faces of a face model.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "engine/image.hpp"
#include "retinaface/cli/flags.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/cli/verbs.hpp"
#include "retinaface/dense/portrait.hpp"
#include "retinaface/dense/procedural_head.hpp"
#include "retinaface/mesh/obj_file.hpp"
#include "retinaface/mesh/ply_file.hpp"

namespace rf::cli {

namespace {

namespace fs = std::filesystem;

struct RenderFlags {
  std::string out, mesh, face_model, obj, ply;
  Index random = 0, count = 1, columns = 0;
  bool is_random = false, overwrite = false;
  PortraitView view;
  std::string light, background;
  int threads = 0;

  [[nodiscard]] IfExists if_exists() const {
    return overwrite ? IfExists::replace : IfExists::refuse;
  }
};

// "x,y,z" with numbers from `low` to `high`.
std::array<double, 3> three_numbers(const std::string& flag, const std::string& text, double low,
                                    double high) {
  std::array<double, 3> numbers{};
  const char *at = text.data(), *end = at + text.size();
  bool good = true;
  for (std::size_t i = 0; i < 3 && good; ++i) {
    const auto [stop, error] = std::from_chars(at, end, numbers[i]);
    good = error == std::errc() && numbers[i] >= low && numbers[i] <= high &&
           (i < 2 ? stop != end && *stop == ',' : stop == end);
    at = stop + 1;
  }
  if (!good) {
    throw UsageError(message(flag, " ", text, ": three numbers from ", low, " to ", high,
                             " with commas between are needed"));
  }
  return numbers;
}

void read_view(RenderFlags& flags) {
  if (!flags.light.empty()) flags.view.light = three_numbers("--light", flags.light, -1e6, 1e6);
  if (flags.background.empty()) return;
  const std::array<double, 3> rgb = three_numbers("--background", flags.background, 0, 255);
  for (std::size_t i = 0; i < 3; ++i)
    flags.view.background[i] = static_cast<std::uint8_t>(std::lround(rgb[i]));
}

constexpr Index kMostPixels = 100'000'000;  // as many as a picture may have that is read

void check_flags(const RenderFlags& flags) {
  if (flags.mesh.empty() == !flags.is_random)
    throw UsageError("render: --mesh FILE or --random SEED is needed, one of them");
  if (!flags.mesh.empty() &&
      (flags.count != 1 || !flags.face_model.empty() || !flags.obj.empty() || !flags.ply.empty()))
    throw UsageError("render: --count, --face-model, --obj and --ply go with --random");
  if (flags.count > 1 && !(flags.obj.empty() && flags.ply.empty()))
    throw UsageError("render: --obj and --ply hold one face, not --count of them");
  const Index side = flags.view.size, samples = flags.view.samples;
  if (side * samples > kLargestPortrait)
    throw UsageError(message("render: --size ", side, " times --samples ", samples, " is above ",
                             kLargestPortrait));
  if (flags.count > kMostPixels / (side * side))
    throw UsageError(message("render: ", flags.count, " pictures of ", side, " x ", side,
                             " pixels are more than ", kMostPixels, " pixels"));
}

// Before any work: what must not be written.
void check_outputs(const RenderFlags& flags) {
  std::error_code none;  // what cannot be looked at is told when it is opened
  std::vector<fs::path> taken;
  for (const std::string& path : {flags.out, flags.obj, flags.ply}) {
    if (path.empty()) continue;
    const fs::path file = fs::weakly_canonical(path, none);
    if (!flags.mesh.empty() && file == fs::weakly_canonical(flags.mesh, none))
      throw FileError(message(path, ": is the input, and inputs are never replaced"));
    for (const fs::path& other : taken) {
      if (file == other) throw UsageError(message(path, ": named for two outputs"));
    }
    if (!flags.overwrite && fs::exists(path, none))
      throw FileError(message(path, ": exists already; --overwrite replaces it"));
    taken.push_back(file);
  }
}

// As many columns as rows, or one more.
Index default_columns(Index count) {
  Index columns = 1;
  while (columns * columns < count) ++columns;
  return columns;
}

void render_mesh(const RenderFlags& flags) {
  const TriangleMesh mesh = read_obj(flags.mesh);
  if (mesh.triangles.empty()) throw FormatError(message(flags.mesh, ": has no face to draw"));
  try {
    write_image(flags.out, portrait(coloured_vertices(mesh), mesh.triangles, flags.view),
                flags.if_exists());
  } catch (const ShapeError& error) {
    throw FormatError(message(flags.mesh, ": ", error.what()));
  }
  say("wrote " + flags.out);
}

void render_faces(const RenderFlags& flags) {
  const FaceModel model =
      flags.face_model.empty() ? procedural_head() : read_face_model(flags.face_model);
  const std::vector<std::array<Index, 3>>& triangles = model.levels.back().triangles;
  std::list<AtomicFile> files;
  std::vector<Image> pictures;
  for (Index i = 0; i < flags.count; ++i) {
    const Tensor faces =
        make_faces(model, random_faces(model, 1, 0, static_cast<std::uint64_t>(flags.random + i)));
    const Tensor face = faces.reshaped({faces.shape()[1], 6});
    pictures.push_back(portrait(face, triangles, flags.view));
    const TriangleMesh mesh = as_triangle_mesh(face, triangles);
    if (!flags.obj.empty()) files.emplace_back(flags.obj, flags.if_exists()).write(obj_text(mesh));
    if (!flags.ply.empty()) files.emplace_back(flags.ply, flags.if_exists()).write(ply_bytes(mesh));
  }
  const Index columns = flags.columns ? flags.columns : default_columns(flags.count);
  write_image(flags.out,
              contact_sheet(pictures, std::min(columns, flags.count), flags.view.background),
              flags.if_exists());
  for (AtomicFile& file : files) file.commit();
  for (const std::string& path : {flags.out, flags.obj, flags.ply}) {
    if (!path.empty()) say("wrote " + path);
  }
}

int render(RenderFlags& flags) {
  read_view(flags);
  check_flags(flags);
  choose_execution(flags.threads, "");
  check_outputs(flags);
  if (flags.is_random)
    render_faces(flags);
  else
    render_mesh(flags);
  return kExitDone;
}

void add_source_flags(CLI::App& verb, RenderFlags& flags) {
  verb.add_option("OUT", flags.out, "The picture: .png, or .jpg, .bmp, .ppm")->required();
  verb.add_option("--mesh", flags.mesh,
                  "Draw this OBJ file, in a neutral grey if it has no colours")
      ->type_name("FILE.obj");
  verb.add_option_function<Index>(
          "--random",
          [&flags](const Index& seed) {
            flags.random = seed;
            flags.is_random = true;
          },
          "Draw the random face of this number")
      ->type_name("SEED")
      ->check(number_between(0, 1e15));
  verb.add_option("--count", flags.count,
                  "This many random faces, SEED, SEED + 1, .., side by side in one picture")
      ->type_name("N")
      ->check(number_between(1, 10000));
  verb.add_option("--columns", flags.columns,
                  "Of them in a row. Default: as many as there are rows, or one more")
      ->type_name("N")
      ->check(number_between(1, 10000));
  verb.add_option("--face-model", flags.face_model,
                  "Random faces of this folder's face model (arrays of the ICT face kit). Default: "
                  "the head made of\n"
                  "formulas, which is part of the program")
      ->type_name("DIR");
  verb.add_option("--obj", flags.obj, "Write the random face to this OBJ file, too")
      ->type_name("FILE");
  verb.add_option("--ply", flags.ply, "Write the random face to this PLY file, too")
      ->type_name("FILE");
}

void add_view_flags(CLI::App& verb, PortraitView& view, RenderFlags& flags) {
  verb.add_option("--size", view.size, "Of the picture of a mesh, in pixels a side. Default 512")
      ->type_name("PIXELS")
      ->check(number_between(1, static_cast<double>(kLargestPortrait)));
  verb.add_option("--yaw", view.yaw, "Degrees: a nose turns to the picture's right")
      ->type_name("DEGREES")
      ->check(number_between(-180, 180));
  verb.add_option("--pitch", view.pitch, "Then: a nose turns up")
      ->type_name("DEGREES")
      ->check(number_between(-180, 180));
  verb.add_option("--roll", view.roll, "Then: clockwise")
      ->type_name("DEGREES")
      ->check(number_between(-180, 180));
  verb.add_option("--focal", view.focal,
                  "Focal length in widths of the picture, 0.1 to 100. Default 2. The distance "
                  "follows, so that the mesh\n"
                  "fills the picture: a short one looks from close by")
      ->type_name("F")
      ->check(number_between(0.1, 100));
  verb.add_option("--light", flags.light,
                  "Place of the light, to the right, up and towards the viewer, in halves of the "
                  "mesh's longest side from\n"
                  "its middle. Default -2,2.5,6")
      ->type_name("X,Y,Z");
  verb.add_option("--ambient", view.ambient,
                  "Part of the light, 0 to 1, that comes from everywhere. Default 0.55")
      ->type_name("A")
      ->check(number_between(0, 1));
  verb.add_option("--samples", view.samples,
                  "Each pixel is the mean of N x N samples, N from 1 to 16. Default 3")
      ->type_name("N")
      ->check(number_between(1, 16));
  verb.add_option("--background", flags.background,
                  "Red, green, blue, 0 to 255. Default 255,255,255")
      ->type_name("R,G,B");
}

}  // namespace

void add_render(CLI::App& app, int& exit_code) {
  const auto flags = std::make_shared<RenderFlags>();
  CLI::App* verb = app.add_subcommand(
      "render", "Draw a mesh file, or random faces of a face model, as a picture");
  add_source_flags(*verb, *flags);
  add_view_flags(*verb, flags->view, *flags);
  verb->add_option(
          "--threads", flags->threads,
          "Default: the CPUs this process may use, or RF_THREADS. Results are the same for "
          "any number")
      ->type_name("N")
      ->check(number_between(1, 1024));
  verb->add_flag("--overwrite", flags->overwrite,
                 "Replace files that exist. By default this is an error");
  verb->callback([flags, &exit_code] { exit_code = render(*flags); });
}

}  // namespace rf::cli
