// retinaface detect --mesh, --mesh-json, --draw with a dense branch: the files, that they agree,
// and what is refused.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/image.hpp"
#include "retinaface/dense/dense_branch.hpp"
#include "retinaface/dense/procedural_head.hpp"
#include "retinaface/mesh/obj_file.hpp"
#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/model_fixture.hpp"
#include "tests/support.hpp"
#include "weights/embedded_model.hpp"
#include "weights/model_file.hpp"

namespace rf::test {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// A branch that says nothing, of this detector: the procedural head's neutral face, posed by the
// five points, in the usual light. The procedural head is made once.
DenseModel silent_branch(const std::string& detector_sha256) {
  static const FaceModel head = procedural_head();
  DenseModel model;
  model.licence = model.provenance = "made by a test";
  model.decoder = {.code = 2, .widths = {1, 1, 1, 1}, .order = 2};
  model.levels = head.levels;
  model.landmarks5 = head.landmarks5;
  model.landmarks68 = head.landmarks68;
  model.decoder_state = MeshDecoder(decoder_levels(head.levels), model.decoder).state_dict();
  const auto zeros = [](const Tensor& modes) { return Tensor::zeros({1, modes.shape()[0]}); };
  const Tensor face = make_faces(head, {.identity = zeros(head.identity),
                                        .expression = zeros(head.expression),
                                        .albedo = zeros(head.albedo_modes)});
  model.decoder_state["mean"] = face.reshaped({face.shape()[1], 6});
  DenseModel::Head zero{.config = {.code = 2}, .detector_sha256 = detector_sha256, .state = {}};
  zero.state = DenseHead(zero.config).state_dict();
  model.head = zero;
  return model;
}

// A folder with a detector, two small pictures and a branch for the detector.
struct Scene {
  TemporaryFolder folder;
  std::string model = folder.file("model.safetensors"), dense = folder.file("dense.safetensors");
  std::string photo = folder.file("photo.ppm"), other = folder.file("other.ppm");

  Scene() {
    write_random_model(model);
    write_branch(silent_branch(load_model(model).sha256));
    put(photo, noise_ppm(48, 40, 1));
    put(other, noise_ppm(40, 56, 2));
  }
  void write_branch(const DenseModel& branch) const {
    write_dense_model(dense, branch, IfExists::replace);
  }
  // Few faces: the random network finds many.
  Outcome detect(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"detect", "--model", model, "--nms", "0.02"});
    return run_program(arguments);
  }
  [[nodiscard]] Json json(const std::string& name) const {
    return Json::parse(get(folder.file(name)));
  }
};

// One line on stderr that says `text`, nothing on stdout.
void check_refused(const Outcome& outcome, int exit_code, const std::string& text) {
  CAPTURE(outcome.err, text);
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out.empty());
  REQUIRE(outcome.complaints().size() == 1);
  CHECK(outcome.complaints()[0].find(text) != std::string::npos);
}

std::size_t files_in(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

std::vector<double> numbers(const Json& list) { return list.get<std::vector<double>>(); }

// Of "ply", format binary_little_endian: what its header says of this element.
std::size_t ply_count(const std::string& bytes, const std::string& element) {
  const std::size_t at = bytes.find("element " + element + " ");
  REQUIRE(at != std::string::npos);
  return std::stoul(bytes.substr(at + element.size() + 9));
}

}  // namespace

TEST_CASE("detect --mesh writes an OBJ and a PLY for each face, --mesh-json all of them") {
  const Scene scene;
  const std::string folder = scene.folder.file("meshes"), file = scene.folder.file("m.json");
  const Outcome outcome = scene.detect({scene.photo, scene.other, "--dense", scene.dense, "--mesh",
                                        folder, "--mesh-json", file, "--json"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json detections = Json::parse(outcome.out), meshes = scene.json("m.json");
  const DenseModel branch = read_dense_model(scene.dense);
  const Index vertices = branch.levels.back().vertices;

  CHECK(meshes["schema"] == "retinaface-meshes/1");
  CHECK(meshes["model"] == detections["model"]);
  CHECK(meshes["options"] == detections["options"]);
  CHECK(meshes["dense"]["sha256"] == branch.sha256);
  CHECK(meshes["dense"]["licence"] == "made by a test");
  CHECK(meshes["landmark_vertices"].get<std::vector<Index>>() == branch.landmarks68);
  CHECK(meshes["triangles"].get<std::vector<std::array<Index, 3>>>() ==
        branch.levels.back().triangles);

  std::size_t faces = 0;
  REQUIRE(meshes["images"].size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const Json &image = meshes["images"][i], &found = detections["images"][i];
    for (const char* key : {"path", "width", "height"}) CHECK(image[key] == found[key]);
    REQUIRE(image["faces"].size() == found["faces"].size());
    REQUIRE(!image["faces"].empty());
    for (std::size_t k = 0; k < image["faces"].size(); ++k) {
      const Json& face = image["faces"][k];
      CHECK(face["box"] == found["faces"][k]["box"]);
      CHECK(face["score"] == found["faces"][k]["score"]);
      CHECK(face["camera"].size() == 7);
      CHECK(face["light"].size() == 9);
      REQUIRE(static_cast<Index>(face["vertices"].size()) == vertices);
      REQUIRE(face["landmarks68"].size() == 68);
      const Json& chin = face["vertices"][static_cast<std::size_t>(branch.landmarks68[8])];
      CHECK(numbers(face["landmarks68"][8]) == std::vector<double>{chin[0], chin[1]});

      const std::string base = folder + (i == 0 ? "/photo_" : "/other_") + std::to_string(k + 1);
      const TriangleMesh mesh = read_obj(base + ".obj");
      CHECK(static_cast<Index>(mesh.vertices.size()) == vertices);
      CHECK(mesh.triangles == branch.levels.back().triangles);
      REQUIRE(mesh.colours.size() == mesh.vertices.size());
      // Of a head that says nothing: the mean face.
      const Tensor mean = mean_face(branch);
      for (std::size_t c = 0; c < 3; ++c) {
        CHECK(mesh.vertices[100][c] == Approx(mean.data<float>()[600 + c]));
        CHECK(mesh.colours[100][c] == Approx(mean.data<float>()[603 + c]));
      }
      const std::string ply = get(base + ".ply");
      CHECK(ply.starts_with("ply\nformat binary_little_endian 1.0\n"));
      CHECK(ply_count(ply, "vertex") == mesh.vertices.size());
      CHECK(ply_count(ply, "face") == mesh.triangles.size());
      CHECK(ply.find("property uchar red") != std::string::npos);
      ++faces;
    }
  }
  CHECK(files_in(folder) == 2 * faces);
  CHECK(outcome.err.find("wrote " + folder + "/photo_1.obj") != std::string::npos);
  CHECK(outcome.err.find("wrote " + file) != std::string::npos);
}

TEST_CASE("a picture that fails is told in --mesh-json; without faces there are no files") {
  const Scene scene;
  const std::string missing = scene.folder.file("missing.ppm");
  const Outcome outcome =
      scene.detect({missing, scene.photo, "--score", "1", "--dense", scene.dense, "--mesh",
                    scene.folder.file("m"), "--mesh-json", scene.folder.file("m.json"), "-q"});
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.out.empty());  // no table beside files
  CHECK(outcome.complaints().size() == 1);
  CHECK(files_in(scene.folder.file("m")) == 0);
  const Json images = scene.json("m.json")["images"];
  CHECK(images[0]["path"] == missing);
  CHECK(images[0]["error"].get<std::string>().find("missing.ppm") != std::string::npos);
  CHECK_FALSE(images[0].contains("faces"));
  CHECK(images[1]["faces"].empty());
}

TEST_CASE("meshes: the same bytes for any number of threads and jobs") {
  const Scene scene;
  std::vector<std::string> first;
  for (const std::array<const char*, 2>& how :
       {std::array{"1", "1"}, {"2", "1"}, {"3", "2"}, {"8", "8"}}) {
    CAPTURE(how[0], how[1]);
    const Outcome outcome = scene.detect(
        {scene.photo, scene.other, "--dense", scene.dense, "--mesh", scene.folder.file("m"),
         "--mesh-json", scene.folder.file("m.json"), "--draw", scene.folder.file("d"), "--csv",
         "--overwrite", "--threads", how[0], "--jobs", how[1]});
    REQUIRE(outcome.exit_code == 0);
    std::vector<std::string> files{outcome.out};
    for (const char* name : {"m.json", "m/photo_1.obj", "m/photo_1.ply", "m/other_1.obj",
                             "d/photo.png", "d/other.png"})
      files.push_back(get(scene.folder.file(name)));
    if (first.empty()) first = files;
    CHECK(files == first);
  }
}

TEST_CASE("without the dense branch detect gives what it gives with it, and draws no mesh") {
  const Scene scene;
  const std::string plain = scene.folder.file("plain.png"), over = scene.folder.file("over.png");
  const Outcome without = scene.detect({scene.photo, "--csv", "--draw", plain}),
                with = scene.detect({scene.photo, "--csv", "--draw", over, "--dense", scene.dense});
  REQUIRE(without.exit_code == 0);
  REQUIRE(with.exit_code == 0);
  CHECK(without.out == with.out);
  CHECK(get(plain) != get(over));
}

TEST_CASE("on a photograph the mean face lies on the faces") {
  const auto embedded = embedded_model();
  if (!embedded) return skip("no model is built in");
  const Scene scene;
  scene.write_branch(silent_branch(load_embedded_model().sha256));
  const std::string photo = std::string(RF_SOURCE_DIR) + "/docs/images/demo.jpg";
  const Outcome outcome =
      run_program({"detect", photo, "--dense", scene.dense, "--mesh-json",
                   scene.folder.file("m.json"), "--json", "--draw", scene.folder.file("d.png")});
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json found = Json::parse(outcome.out)["images"][0]["faces"],
             faces = scene.json("m.json")["images"][0]["faces"];
  REQUIRE(faces.size() == found.size());
  REQUIRE(!faces.empty());
  for (std::size_t k = 0; k < faces.size(); ++k) {
    const std::vector<double> box = numbers(faces[k]["box"]),
                              nose = numbers(found[k]["landmarks"]["nose_tip"]),
                              tip = numbers(faces[k]["landmarks68"][30]);
    const double side = std::max(box[2] - box[0], box[3] - box[1]);
    CHECK(std::hypot(nose[0] - tip[0], nose[1] - tip[1]) < 0.15 * side);
    for (const Json& vertex : faces[k]["vertices"]) {
      const std::vector<double> p = numbers(vertex);
      REQUIRE(p.size() == 3);
      REQUIRE(p[0] > box[0] - 0.4 * side);
      REQUIRE(p[0] < box[2] + 0.4 * side);
      REQUIRE(p[1] > box[1] - 0.4 * side);
      REQUIRE(p[1] < box[3] + 0.4 * side);
      REQUIRE(p[2] > 0);
    }
  }
  // The overlay changes the face's middle, and not the corner of the picture.
  const Image before = read_image(photo), after = read_image(scene.folder.file("d.png"));
  const std::vector<double> nose = numbers(faces[0]["landmarks68"][33]);
  const auto at = [](const Image& image, double x, double y) {
    const Index i = 3 * (static_cast<Index>(y) * image.width + static_cast<Index>(x));
    return std::vector<std::uint8_t>(image.rgb.begin() + i, image.rgb.begin() + i + 3);
  };
  CHECK(at(before, nose[0], nose[1] + 3) != at(after, nose[0], nose[1] + 3));
  CHECK(at(before, 2, 2) == at(after, 2, 2));
}

TEST_CASE("mesh files that exist are kept, names that meet are told, inputs never replaced") {
  const Scene scene;
  const std::string folder = scene.folder.file("m"), file = scene.folder.file("m.json");
  fs::create_directory(folder);
  put(folder + "/photo_1.ply", "mine");
  const Outcome kept = scene.detect({scene.photo, "--dense", scene.dense, "--mesh", folder});
  CHECK(kept.exit_code == 3);
  CHECK(get(folder + "/photo_1.ply") == "mine");
  CHECK(fs::exists(folder + "/photo_1.obj"));  // the others are written
  CHECK(kept.err.find("photo_1.ply") != std::string::npos);

  put(file, "mine");
  check_refused(scene.detect({scene.photo, "--dense", scene.dense, "--mesh-json", file}), 3, file);
  CHECK(get(file) == "mine");
  CHECK(scene
            .detect({scene.photo, "--dense", scene.dense, "--mesh-json", file, "--mesh", folder,
                     "--overwrite"})
            .exit_code == 0);
  CHECK(Json::parse(get(file)).contains("images"));
  CHECK(get(folder + "/photo_1.ply").starts_with("ply\n"));

  fs::create_directory(scene.folder.file("sub"));
  fs::copy(scene.photo, scene.folder.file("sub/photo.ppm"));
  const Outcome twice =
      scene.detect({scene.photo, scene.folder.file("sub/photo.ppm"), "--dense", scene.dense,
                    "--mesh", scene.folder.file("twice"), "--jobs", "1"});
  CHECK(twice.exit_code == 1);
  CHECK(twice.err.find("photo_N.obj: already written for " + scene.photo) != std::string::npos);

  const std::string before = get(scene.photo);
  check_refused(scene.detect({scene.photo, "--dense", scene.dense, "--mesh-json", scene.photo,
                              "--overwrite"}),
                3, "inputs are never replaced");
  CHECK(get(scene.photo) == before);
  const Outcome same =
      scene.detect({scene.photo, "--dense", scene.dense, "--draw", scene.folder.file("x.png"),
                    "--mesh-json", scene.folder.file("x.png")});
  CHECK(same.exit_code == 3);
  CHECK(same.err.find("already written for --mesh-json") != std::string::npos);
}

TEST_CASE("an input that a list names is not replaced by --mesh-json") {
  const Scene scene;
  const std::string before = get(scene.photo);
  const Outcome outcome = run_program({"detect", "-", "--model", scene.model, "--dense",
                                       scene.dense, "--mesh-json", scene.photo, "--overwrite"},
                                      {.input = scene.photo + "\n"});
  CHECK(outcome.exit_code == 3);
  CHECK(outcome.err.find("inputs are never replaced") != std::string::npos);
  CHECK(get(scene.photo) == before);
}

TEST_CASE("meshes: wrong flags and wrong files are one line") {
  const Scene scene;
  const std::string folder = scene.folder.file("m");
  check_refused(scene.detect({scene.photo, "--mesh", folder}), 2,
                "weights/retinaface_dense.safetensors");
  check_refused(scene.detect({scene.photo, "--mesh-json", folder}), 2, "--dense FILE");
  check_refused(scene.detect({scene.photo, "--dense", scene.dense}), 2, "--draw PATH");
  CHECK_FALSE(fs::exists(folder));
  check_refused(scene.detect({scene.photo, "--mesh", scene.photo, "--dense", scene.dense}), 3,
                scene.photo);
  const std::string missing = scene.folder.file("no.safetensors");
  check_refused(scene.detect({scene.photo, "--mesh", folder, "--dense", missing}), 4, missing);
  check_refused(scene.detect({scene.photo, "--mesh", folder, "--dense", scene.model}), 4,
                scene.model);

  scene.write_branch(silent_branch("0123456789abcdef"));
  check_refused(scene.detect({scene.photo, "--mesh", folder, "--dense", scene.dense}), 2,
                "0123456789ab");
  DenseModel branch = silent_branch(load_model(scene.model).sha256);
  branch.head->config.levels = 2;
  branch.head->state = DenseHead(branch.head->config).state_dict();
  scene.write_branch(branch);
  check_refused(scene.detect({scene.photo, "--mesh", folder, "--dense", scene.dense}), 4,
                "other sizes than the detector");
  branch.head.reset();
  scene.write_branch(branch);
  check_refused(scene.detect({scene.photo, "--mesh", folder, "--dense", scene.dense}), 4,
                "decoder alone");
}

TEST_CASE("a branch whose numbers overflow gives an error, and no NaN in any file") {
  const Scene scene;
  DenseModel branch = silent_branch(load_model(scene.model).sha256);
  for (auto& [name, values] : branch.head->state) {
    if (!name.ends_with("bias")) continue;
    for (float& x : values.span<float>()) x = 3e38F;
  }
  scene.write_branch(branch);
  const Outcome outcome =
      scene.detect({scene.photo, "--dense", scene.dense, "--mesh", scene.folder.file("m"),
                    "--mesh-json", scene.folder.file("m.json")});
  CHECK(outcome.exit_code == 3);
  CHECK(outcome.err.find("not finite") != std::string::npos);
  CHECK(files_in(scene.folder.file("m")) == 0);
  CHECK(scene.json("m.json")["images"][0].contains("error"));
}

// Boxes that overflow in the network's picture are no faces; these do when they are scaled back.
TEST_CASE("a detector whose boxes overflow is named, before a head reads colours of them") {
  const Scene scene;
  ModelFile file;
  file.description = light_model_description();
  file.tensors = random_weights(parse_model_config(file.description), 1);
  for (auto& [name, values] : file.tensors) {
    if (name.find("box") == std::string::npos || !name.ends_with("bias")) continue;
    for (float& x : values.span<float>()) x = 430;  // 16 exp(86) wide: 3.5e38
  }
  write_model(scene.model, file, IfExists::replace);
  DenseModel branch = silent_branch(load_model(scene.model).sha256);
  branch.head->config.colours = 7;
  branch.head->state = DenseHead(branch.head->config).state_dict();
  scene.write_branch(branch);
  const Outcome outcome =
      scene.detect({scene.photo, "--dense", scene.dense, "--mesh-json", scene.folder.file("m.json"),
                    "--size", "scale:0.25", "--score", "0.01"});
  CHECK(outcome.exit_code == 3);
  CHECK(outcome.err.find("boxes that are not finite") != std::string::npos);
  CHECK(scene.json("m.json")["images"][0].contains("error"));
}

}  // namespace rf::test
