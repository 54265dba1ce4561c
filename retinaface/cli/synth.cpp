// retinaface synth: a data set of synthetic faces.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "retinaface/cli/flags.hpp"
#include "retinaface/cli/progress.hpp"
#include "retinaface/cli/side_by_side.hpp"
#include "retinaface/cli/synth_files.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/cli/verbs.hpp"
#include "retinaface/dense/portrait.hpp"
#include "retinaface/dense/procedural_head.hpp"
#include "retinaface/dense/synthetic.hpp"
#include "retinaface/mesh/obj_file.hpp"

namespace rf::cli {

namespace {

namespace fs = std::filesystem;

struct SynthFlags {
  std::string out, face_model, backgrounds;
  std::string size = "320x320", faces = "1,4", face_size = "20,200", format = "png";
  Index count = 0;
  std::uint64_t seed = 1;
  int threads = 0;
  std::string isa;
  bool meshes = false, overwrite = false, quiet = false;
};

// "A<separator>B", or one number for both.
template <class T>
struct Two {
  T first, second;
};
template <class T>
Two<T> parse_two(const std::string& flag, const std::string& text, char separator) {
  const auto number = [&](const std::string& word) {
    T value{};
    const char* end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value);
    if (error != std::errc() || stop != end)
      throw UsageError(message(flag, " ", text, ": two numbers are needed, A", separator, "B"));
    return value;
  };
  const std::size_t at = text.find(separator);
  const std::string first = text.substr(0, at);
  return {number(first), number(at == std::string::npos ? first : text.substr(at + 1))};
}

// Where number_between, which compares doubles, is too coarse.
std::string refuse_seed(const std::string& text) {
  std::uint64_t seed = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seed);
  if (error == std::errc() && stop == end) return "";
  return text + " is not a whole number from 0 to 18446744073709551615";
}

SyntheticOptions options_of(const SynthFlags& flags) {
  SyntheticOptions options;
  const auto size = parse_two<Index>("--size", flags.size, 'x');
  const auto faces = parse_two<Index>("--faces", flags.faces, ',');
  const auto face_size = parse_two<double>("--face-size", flags.face_size, ',');
  options.width = size.first;
  options.height = size.second;
  options.min_faces = faces.first;
  options.max_faces = faces.second;
  options.smallest = face_size.first;
  options.largest = face_size.second;
  options.seed = flags.seed;
  check(options);
  return options;
}

// One picture, from its number to its lines.
struct Item {
  Index index = 0, bytes = 0;
  std::string labels, json;
  Index faces = 0;
};

class Synthesis {
 public:
  Synthesis(const SynthFlags& flags, const SyntheticPictures& pictures)
      : flags_(flags),
        pictures_(pictures),
        if_exists_(flags.overwrite ? IfExists::replace : IfExists::refuse),
        labels_(path("label.txt"), if_exists_),
        json_(path("faces.json"), if_exists_) {}

  // All of them; the number of faces.
  [[nodiscard]] Index run() {
    json_.write(json_beginning(pictures_.options(), pictures_.model(),
                               flags_.face_model.empty() ? "procedural" : flags_.face_model));
    const int jobs = job_count(0, flags_.count);
    Progress bar("synth", flags_.count, !flags_.quiet);
    SideBySide<Item> work(jobs, jobs * kMemoryPerJob, [this] { return next(); },
                          {{.in_order = false, .run = [this](Item& item) { make(item); }},
                           {.in_order = true, .run = [this, &bar](Item& item) {
                              note(item);
                              bar.step(item.index + 1);
                            }}});
    work.run();
    json_.write(json_end());
    json_.commit();
    labels_.commit();  // last: a set with it is whole
    return faces_;
  }

 private:
  [[nodiscard]] std::string path(const std::string& name) const {
    return (fs::path(flags_.out) / name).string();
  }

  [[nodiscard]] std::unique_ptr<Item> next() {
    if (given_ == flags_.count) return nullptr;
    auto item = std::make_unique<Item>();
    item->index = given_++;
    // Of the picture 3 bytes of samples and 36 of floats, of a face's crop 40 a pixel.
    const SyntheticOptions& o = pictures_.options();
    const Index side = 2 * std::max(o.width, o.height);
    item->bytes = 39 * o.width * o.height + 40 * side * side;
    return item;
  }

  void make(Item& item) const {
    const SyntheticPicture picture = pictures_(static_cast<std::uint64_t>(item.index));
    const std::string name = picture_name(item.index, flags_.count, flags_.format);
    write_image(path("images/" + name), picture.image, if_exists_);
    item.labels = label_lines(name, picture);
    item.json = picture_json(name, picture, pictures_.model());
    item.faces = static_cast<Index>(picture.faces.size());
    for (std::size_t k = 0; flags_.meshes && k < picture.faces.size(); ++k) {
      write_obj(path("meshes/" + fs::path(name).stem().string() + "_" + std::to_string(k) + ".obj"),
                as_triangle_mesh(picture.faces[k].mesh, pictures_.model().levels.back().triangles),
                if_exists_);
    }
  }

  void note(Item& item) {
    labels_.write(item.labels);
    json_.write((item.index == 0 ? "\n" : ",\n") + item.json);
    faces_ += item.faces;
  }

  const SynthFlags& flags_;
  const SyntheticPictures& pictures_;
  const IfExists if_exists_;
  AtomicFile labels_, json_;
  Index given_ = 0, faces_ = 0;
};

int synth_verb(const SynthFlags& flags) {
  choose_execution(flags.threads, flags.isa);
  const SyntheticOptions options = options_of(flags);
  SynthFolder folder{
      .path = flags.out, .meshes = flags.meshes, .overwrite = flags.overwrite, .inputs = {}};
  if (!flags.face_model.empty()) folder.inputs.push_back(flags.face_model);
  SyntheticBackgrounds backgrounds;
  if (!flags.backgrounds.empty()) {
    const DataSource source = find_data(flags.backgrounds);
    folder.inputs.insert(folder.inputs.end(), {flags.backgrounds, source.picture_folder});
    backgrounds = SyntheticBackgrounds(source);
  }
  const SyntheticPictures pictures(
      flags.face_model.empty() ? procedural_head() : read_face_model(flags.face_model), backgrounds,
      options);
  prepare(folder);
  const Index faces = Synthesis(flags, pictures).run();
  for (const auto& [path, why] : backgrounds.errors()) say(with_path(path, why));
  if (!flags.quiet)
    say(message("wrote ", flags.count, flags.count == 1 ? " picture" : " pictures", " with ", faces,
                faces == 1 ? " face" : " faces", " to ", flags.out));
  return backgrounds.errors().empty() ? kExitDone : kExitSomeFailed;
}

void add_pictures(CLI::App& verb, SynthFlags& f) {
  verb.add_option("--count", f.count, "Pictures")
      ->required()
      ->check(number_between(1, 1e7))
      ->type_name("N");
  verb.add_option("--size", f.size, "Of a picture in pixels, 32 to 2048 a side")
      ->type_name("WxH")
      ->capture_default_str();
  verb.add_option("--faces", f.faces, "Faces of a picture, uniform; as many as find room")
      ->type_name("MIN,MAX")
      ->capture_default_str();
  verb.add_option("--face-size", f.face_size,
                  "The longer side of a face's box in pixels; large ones are rarer")
      ->type_name("MIN,MAX")
      ->capture_default_str();
  verb.add_option("--seed", f.seed, "Another seed, other pictures")
      ->check({refuse_seed, ""})
      ->capture_default_str();
}

}  // namespace

void add_synth(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "synth",
      "Make pictures of random 3D faces with exact labels, to train on without a data set");
  const auto flags = std::make_shared<SynthFlags>();
  SynthFlags& f = *flags;
  verb->add_option("OUT", f.out,
                   "A folder, which gets images/, label.txt (as train --data reads it) and "
                   "faces.json")
      ->required();
  add_pictures(*verb, f);
  verb->add_option("--face-model", f.face_model,
                   "Faces of a linear model (NumPy arrays); without it, of a head made of formulas")
      ->type_name("DIR");
  verb->add_option("--backgrounds", f.backgrounds,
                   "A data set (label.txt, images/), whose pictures are cut to what shows no face; "
                   "without it, patterns")
      ->type_name("DIR");
  verb->add_option("--format", f.format, "Of the pictures")
      ->check(CLI::IsMember({"png", "jpg"}))
      ->capture_default_str();
  verb->add_flag("--meshes", f.meshes, "Write each face as an OBJ file too, to meshes/");
  verb->add_flag("--overwrite", f.overwrite,
                 "Replace files that exist. By default this is an error");
  verb->add_option("--threads", f.threads, "Pictures at a time; the files do not depend on it");
  verb->add_option("--isa", f.isa, "Instruction set");
  verb->add_flag("-q,--quiet", f.quiet, "No progress");
  verb->footer(
      "Examples:\n"
      "  retinaface synth faces --count 1000\n"
      "  retinaface train --data faces --out runs/first\n"
      "  retinaface synth more --count 5000 --size 640x640 --backgrounds wider/train --format jpg\n"
      "docs/synth.md explains the files and the distributions.");
  verb->callback([flags, &exit_code] { exit_code = synth_verb(*flags); });
}

}  // namespace rf::cli
