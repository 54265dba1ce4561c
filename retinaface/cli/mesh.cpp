// retinaface mesh: what a mesh file holds, and coarser meshes of it.
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <list>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "retinaface/cli/eval.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/cli/verbs.hpp"
#include "retinaface/mesh/hierarchy.hpp"
#include "retinaface/mesh/obj_file.hpp"

namespace rf::cli {

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

struct MeshFlags {
  std::vector<std::string> files;
  std::string to, out, keep;
  bool overwrite = false, json = false;
};

// Six digits, as people read them.
std::string number(double value) {
  std::array<char, 32> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                    std::chars_format::general, 6);
  return {digits.data(), result.ptr};
}

std::string counted(Index count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

// What a list may hold between two numbers: a comma, or in a file also blanks and line ends.
std::vector<Index> parse_rows(std::string_view text, std::string_view separators,
                              const std::string& from) {
  std::vector<Index> rows;
  for (std::size_t end; !text.empty(); text.remove_prefix(end)) {
    const std::size_t first = text.find_first_not_of(separators);
    if (first == std::string_view::npos) break;
    text.remove_prefix(first);
    end = std::min(text.find_first_of(separators), text.size());
    Index row = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + end, row);
    if (error != std::errc() || stop != text.data() + end || row < 0) {
      const std::string word(text.substr(0, std::min<std::size_t>(end, 40)));
      throw UsageError(message(from, ": \"", word, "\" where a whole number is due"));
    }
    rows.push_back(row);
  }
  return rows;
}

std::vector<Index> parse_targets(const std::string& list) {
  const std::vector<Index> targets = parse_rows(list, ",", "--to " + list);
  if (targets.empty()) throw UsageError("--to: a number of vertices is needed, or several");
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] < 1 || (i > 0 && targets[i] >= targets[i - 1])) {
      throw UsageError(message("--to ", list,
                               ": numbers of vertices that fall are needed, for example 1728,432"));
    }
  }
  return targets;
}

// --keep: a list of rows, or a file with them.
std::vector<Index> rows_to_keep(const std::string& keep, Index vertices) {
  const bool is_list = keep.find_first_not_of("0123456789,") == std::string::npos;
  std::vector<Index> rows;
  if (is_list) {
    rows = parse_rows(keep, ",", "--keep " + keep);
  } else {
    const std::vector<std::byte> bytes = read_file(keep, Index{1} << 26);
    try {
      rows =
          parse_rows({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, ", \t\r\n", keep);
    } catch (const UsageError& error) {
      throw FormatError(error.what());
    }
  }
  for (const Index row : rows) {
    if (row >= vertices)
      throw FormatError(
          message("--keep ", keep, ": vertex ", row, ", counted from 0, of ", vertices));
  }
  return rows;
}

// "DIR/name_432.obj" when --out names a folder, else "PREFIX_432.obj".
std::vector<std::string> output_paths(const MeshFlags& flags, const std::vector<Index>& targets) {
  std::error_code none;  // what cannot be looked at is told when it is opened
  if (flags.out.empty()) throw UsageError("--out: a folder or the beginning of names is needed");
  const bool folder = flags.out.ends_with('/') || fs::is_directory(flags.out, none);
  const std::string prefix =
      folder ? (fs::path(flags.out) / fs::path(flags.files[0]).stem()).string() : flags.out;
  std::vector<std::string> paths;
  for (const Index target : targets) paths.push_back(message(prefix, "_", target, ".obj"));
  for (const std::string& path : paths) {
    for (const std::string& input : flags.files) {
      if (fs::weakly_canonical(path, none) == fs::weakly_canonical(input, none))
        throw FileError(message(path, ": is an input, and inputs are never replaced"));
    }
    if (!flags.overwrite && fs::exists(path, none))
      throw FileError(message(path, ": exists already; --overwrite replaces it"));
  }
  return paths;
}

// The first file, and others of the same faces.
std::vector<TriangleMesh> read_poses(const std::vector<std::string>& files) {
  std::vector<TriangleMesh> poses{read_obj(files[0])};
  for (std::size_t i = 1; i < files.size(); ++i) {
    TriangleMesh pose = read_obj(files[i], {.split_as = &poses[0]});
    if (pose.vertices.size() != poses[0].vertices.size()) {
      throw FormatError(message(files[i], ": has ", pose.vertices.size(), " vertices, ", files[0],
                                " has ", poses[0].vertices.size(),
                                "; poses are of the same vertices and faces"));
    }
    if (pose.triangles != poses[0].triangles)
      throw FormatError(message(files[i], ": its faces are not those of ", files[0]));
    poses.push_back(std::move(pose));
  }
  return poses;
}

// All levels, or none: they get their names when the last is written.
void write_levels(const MeshHierarchy& hierarchy, const std::vector<std::string>& paths,
                  IfExists if_exists) {
  std::list<AtomicFile> files;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const fs::path folder = fs::path(paths[i]).parent_path();
    std::error_code error;
    if (!folder.empty()) fs::create_directories(folder, error);
    if (error)
      throw FileError(message(folder.string(), ": cannot make this folder: ", error.message()));
    files.emplace_back(paths[i], if_exists).write(obj_text(hierarchy.levels[i].mesh));
  }
  for (AtomicFile& file : files) file.commit();
}

std::string row(const std::string& level, Index vertices, Index triangles, const std::string& mean,
                const std::string& maximum) {
  return right(level, 5) + right(std::to_string(vertices), 10) +
         right(std::to_string(triangles), 11) + right(mean, 13) + right(maximum, 13) + "\n";
}

int simplify_files(const MeshFlags& flags) {
  const std::vector<Index> targets = parse_targets(flags.to);
  const std::vector<std::string> paths = output_paths(flags, targets);
  const std::vector<TriangleMesh> poses = read_poses(flags.files);
  const Index vertices = static_cast<Index>(poses[0].vertices.size());
  const std::vector<Index> keep = rows_to_keep(flags.keep, vertices);
  const MeshHierarchy hierarchy = build_hierarchy(poses, targets, keep);
  write_levels(hierarchy, paths, flags.overwrite ? IfExists::replace : IfExists::refuse);

  std::string table = "level  vertices  triangles         mean      maximum\n" +
                      row("0", vertices, static_cast<Index>(poses[0].triangles.size()), "-", "-");
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const MeshLevel& level = hierarchy.levels[i];
    const Index left = static_cast<Index>(level.mesh.vertices.size());
    table += row(std::to_string(i + 1), left, static_cast<Index>(level.mesh.triangles.size()),
                 number(level.mean_distance), number(level.max_distance));
    if (!level.reached) {
      say(message(paths[i], ": ", left, " vertices, not ", targets[i],
                  ": every further collapse would change the topology, turn a triangle over or "
                  "take a vertex that is to be kept"));
    }
    say("wrote " + paths[i]);
  }
  print(table);
  return kExitDone;
}

Json report_json(const std::string& path, const TriangleMesh& mesh, const MeshReport& r) {
  return {{"schema", "retinaface-mesh/1"},
          {"path", path},
          {"vertices", r.vertices},
          {"triangles", r.triangles},
          {"edges", r.edges},
          {"coloured", !mesh.colours.empty()},
          {"boundary_edges", r.boundary_edges},
          {"boundary_loops", r.boundary_loops},
          {"non_manifold_edges", r.non_manifold_edges},
          {"reversed_edges", r.reversed_edges},
          {"isolated_vertices", r.isolated_vertices},
          {"degenerate_triangles", r.degenerate_triangles},
          {"components", r.components},
          {"euler", r.euler},
          {"area", r.area},
          {"low", r.low},
          {"high", r.high}};
}

std::string report_text(const std::string& path, const TriangleMesh& mesh, const MeshReport& r) {
  const auto line = [](const std::string& name, const std::string& value) {
    return name + std::string(12 - name.size(), ' ') + value + "\n";
  };
  const auto corner = [](const std::array<double, 3>& p) {
    return "(" + number(p[0]) + ", " + number(p[1]) + ", " + number(p[2]) + ")";
  };
  return line("mesh", one_line(path)) +
         line("vertices", std::to_string(r.vertices) +
                              (mesh.colours.empty() ? "" : " with colours") + ", " +
                              std::to_string(r.isolated_vertices) + " isolated") +
         line("triangles", std::to_string(r.triangles) + ", " +
                               std::to_string(r.degenerate_triangles) + " degenerate") +
         line("edges", std::to_string(r.edges) + ", " + std::to_string(r.non_manifold_edges) +
                           " non-manifold, " + std::to_string(r.reversed_edges) + " reversed") +
         line("boundary",
              counted(r.boundary_edges, "edge") + " in " + counted(r.boundary_loops, "loop")) +
         line("components", std::to_string(r.components)) + line("Euler", std::to_string(r.euler)) +
         line("area", number(r.area)) + line("box", corner(r.low) + " to " + corner(r.high));
}

int info_file(const MeshFlags& flags) {
  const std::string& path = flags.files[0];
  const TriangleMesh mesh = read_obj(path);
  const MeshReport report = describe(mesh);
  print(flags.json
            ? report_json(path, mesh, report).dump(2, ' ', false, Json::error_handler_t::replace) +
                  "\n"
            : report_text(path, mesh, report));
  return kExitDone;
}

void add_mesh_info(CLI::App& mesh, int& exit_code) {
  const auto flags = std::make_shared<MeshFlags>();
  CLI::App* verb = mesh.add_subcommand(
      "info", "Show what an OBJ file holds: counts, borders, what is wrong with it, area, box");
  verb->add_option("FILE", flags->files, "An OBJ file")->required()->expected(1);
  verb->add_flag("--json", flags->json, "Print one JSON object (schema retinaface-mesh/1)");
  verb->callback([flags, &exit_code] { exit_code = info_file(*flags); });
}

void add_mesh_simplify(CLI::App& mesh, int& exit_code) {
  const auto flags = std::make_shared<MeshFlags>();
  CLI::App* verb = mesh.add_subcommand(
      "simplify",
      "Write coarser meshes, each made of the one before by collapsing edges, and print how far "
      "each is from the one before, in the units of the file");
  verb->add_option(
          "FILE", flags->files,
          "An OBJ file; more of the same faces are other poses of it, which count as much. "
          "Levels are written in the first")
      ->required();
  verb->add_option("--to", flags->to, "Vertices of each level, falling, for example 1728,432,108")
      ->required()
      ->type_name("N,N,..");
  verb->add_option("--out", flags->out,
                   "A folder (it exists, or the name ends in /), which gets NAME_N.obj, or the "
                   "beginning of names: OUT_N.obj")
      ->required()
      ->type_name("OUT");
  verb->add_option("--keep", flags->keep,
                   "Vertices, counted from 0, that every level keeps: N,N,.. or a file of numbers "
                   "between blanks, commas or line ends")
      ->type_name("LIST");
  verb->add_flag("--overwrite", flags->overwrite,
                 "Replace files that exist. By default this is an error");
  verb->callback([flags, &exit_code] { exit_code = simplify_files(*flags); });
}

}  // namespace

void add_mesh(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand("mesh", "Triangle meshes in OBJ files: info, simplify");
  verb->require_subcommand(1);
  add_mesh_info(*verb, exit_code);
  add_mesh_simplify(*verb, exit_code);
}

}  // namespace rf::cli
