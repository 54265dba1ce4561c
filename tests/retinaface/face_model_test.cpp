#include "retinaface/dense/face_model.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>

#include "engine/file.hpp"
#include "tests/support.hpp"
#include "tests/weights/file_writers.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

namespace {

namespace fs = std::filesystem;

template <class T>
Tensor list(const Shape& shape, std::vector<T> values) {
  return tensor<T>(shape, std::move(values));
}

// The smallest folder that is one: two triangles, each level of four vertices, in another order on
// the finest.
struct Files {
  std::map<std::string, Tensor> arrays;
  Files() {
    const std::vector<std::int32_t> triangles{0, 1, 2, 0, 2, 3};
    for (const int k : {1, 2, 3, 4}) {
      const std::string level = "hierarchy_1728/L" + std::to_string(k) + "_";
      arrays[level + "keep"] = list<std::int32_t>({4}, {0, 1, 2, 3});
      arrays[level + "triangles"] = list<std::int32_t>({2, 3}, triangles);
      arrays[level + "up_ids"] = list<std::int32_t>({4, 3}, {0, 1, 2, 1, 0, 2, 2, 0, 1, 3, 0, 1});
      arrays[level + "up_w"] = list<float>({4, 3}, {1, 0, 0, 1, 0, 0, 0.5, 0.25, 0.25, 1, 0, 0});
    }
    arrays["hierarchy_1728/L1_glob"] = list<std::int32_t>({4}, {0, 2, 3, 4});
    arrays["hierarchy_1728/L1_landmarks5"] = list<std::int32_t>({5}, {0, 1, 2, 3, 0});
    arrays["hierarchy_1728/L1_landmarks68_jawline"] = Tensor::zeros({68}, DType::i32);
    arrays["neutral"] = random_tensor({5, 3}, 1);
    arrays["identity_modes"] = random_tensor({2, 5, 3}, 2);
    arrays["expression_modes"] = random_tensor({3, 5, 3}, 3);
    arrays["albedo_mean"] = random_tensor({5, 3}, 4);
    arrays["albedo_modes"] = random_tensor({1, 5, 3}, 5);
  }
  void write(const std::string& folder) const {
    fs::create_directories(folder + "/hierarchy_1728");
    for (const auto& [name, array] : arrays)
      write_file(folder + "/" + name + ".npy", npy(array), IfExists::replace);
  }
};

}  // namespace

TEST_CASE("face model: faces are what the equation says", "[face_model]") {
  const TemporaryFolder folder;
  const Files files;
  files.write(folder.path());
  const FaceModel model = read_face_model(folder.path());
  REQUIRE(model.levels.size() == 4);
  CHECK(model.levels[3].triangles[1] == std::array<Index, 3>{0, 2, 3});
  CHECK(model.landmarks5 == std::vector<Index>{0, 1, 2, 3, 0});
  const FaceParameters p{.identity = list<float>({2, 2}, {0, 0, 2, -1}),
                         .expression = list<float>({2, 3}, {0, 0, 0, 0, 0.5, 0}),
                         .albedo = list<float>({2, 1}, {0, 3})};
  const Tensor faces = make_faces(model, p);
  REQUIRE(faces.shape() == Shape{2, 4, 6});
  const auto at = [&](const char* name, Index mode, Index v, Index i) {
    return static_cast<double>(files.arrays.at(name).data<float>()[(mode * 5 + v) * 3 + i]);
  };
  const std::array<Index, 4> rows{0, 2, 3, 4};
  for (Index v = 0; v < 4; ++v) {
    const Index row = rows[static_cast<std::size_t>(v)];
    for (Index i = 0; i < 3; ++i) {
      const auto value = [&](Index n, Index c) {
        return static_cast<double>(std::as_const(faces).data<float>()[(n * 4 + v) * 6 + c]);
      };
      CHECK(value(0, i) == Approx(at("neutral", 0, row, i)));
      CHECK(value(1, i) ==
            Approx(at("neutral", 0, row, i) + 2 * at("identity_modes", 0, row, i) -
                   at("identity_modes", 1, row, i) + 0.5 * at("expression_modes", 1, row, i))
                .margin(1e-6));
      const double colour = at("albedo_mean", 0, row, i) + 3 * at("albedo_modes", 0, row, i);
      CHECK(value(1, 3 + i) == Approx(std::min(std::max(colour, 0.02), 1.0)).margin(1e-6));
    }
  }
}

TEST_CASE("face model: its levels make a decoder", "[face_model]") {
  const TemporaryFolder folder;
  Files().write(folder.path());
  const MeshDecoder decoder(decoder_levels(read_face_model(folder.path()).levels),
                            {.code = 3, .widths = {4, 4, 4, 2}});
  CHECK(decoder.forward(ag::Var(random_tensor({2, 3}, 1))).shape() == Shape{2, 4, 6});
}

TEST_CASE("face model: random faces do not depend on how many are made at a time", "[face_model]") {
  const TemporaryFolder folder;
  Files().write(folder.path());
  const FaceModel model = read_face_model(folder.path());
  const Tensor all = make_faces(model, random_faces(model, 6, 9, 10)),
               some = make_faces(model, random_faces(model, 2, 9, 13));
  for (Index i = 0; i < 2 * 24; ++i) CHECK(some.data<float>()[i] == all.data<float>()[3 * 24 + i]);
  const FaceParameters many = random_faces(model, 2000, 1, 0);
  double shown = 0;
  for (const float b : std::as_const(many.expression).span<float>()) {
    CHECK((b >= 0 && b < 1));
    shown += b > 0 ? 1 : 0;
  }
  CHECK(shown / 6000 == Approx(0.075).margin(0.01));
}

TEST_CASE("face model: files that do not fit are refused by name", "[face_model][error]") {
  const auto refusal = [](const char* name, const Tensor& array) {
    const TemporaryFolder folder;
    Files files;
    files.arrays[name] = array;
    files.write(folder.path());
    return thrown<FormatError>([&] { return read_face_model(folder.path()); });
  };
  CHECK(holds(refusal("neutral", Tensor::zeros({5, 2})),
              "neutral.npy: f32 [5, 2], must be f32 [.., 3]"));
  CHECK(holds(refusal("identity_modes", Tensor::zeros({2, 6, 3})), "must be f32 [.., 5, 3]"));
  CHECK(holds(refusal("albedo_mean", Tensor::zeros({5, 3}, DType::f64)), "f64 [5, 3]"));
  CHECK(holds(refusal("hierarchy_1728/L1_glob", list<std::int32_t>({4}, {0, 1, 2, 5})),
              "row 5 of 5"));
  CHECK(holds(refusal("hierarchy_1728/L2_up_ids", Tensor::zeros({4, 2}, DType::i32)),
              "must be i32 [4, 3]"));
  CHECK(holds(refusal("hierarchy_1728/L3_triangles", list<std::int32_t>({1, 3}, {0, 1, -1})),
              "row -1 of 4"));
  CHECK(holds(refusal("neutral", list<float>({5, 3}, std::vector<float>(15, std::nanf("")))),
              "neutral.npy: holds the number nan"));
  CHECK(!thrown<FileError>([] { return read_face_model("/no/such/folder"); }).empty());
}

// The mean distance of a face from the mean face, millimetres: what prototypes measured was 5.0
// with expressions drawn in some other way.
TEST_CASE("face model: the ICT face kit", "[face_model]") {
  const auto folder = shared_file("mesh/ict");
  if (!folder) return;
  const FaceModel model = read_face_model(folder->string());
  REQUIRE(model.neutral.shape() == Shape{1728, 3});
  CHECK(model.levels[0].vertices == 27);
  constexpr Index kFaces = 200;
  const Tensor faces = make_faces(model, random_faces(model, kFaces, 1, 0));
  const auto place = [&](Index n, Index v, Index i) {
    return static_cast<double>(faces.data<float>()[(n * 1728 + v) * 6 + i]);
  };
  double total = 0;
  for (Index v = 0; v < 1728; ++v) {
    double mean[3] = {0, 0, 0};
    for (Index n = 0; n < kFaces; ++n) {
      for (Index i = 0; i < 3; ++i) mean[i] += place(n, v, i) / kFaces;
    }
    for (Index n = 0; n < kFaces; ++n) {
      double square = 0;
      for (Index i = 0; i < 3; ++i) square += std::pow(place(n, v, i) - mean[i], 2);
      total += std::sqrt(square);
    }
  }
  CHECK(10 * total / (1728 * kFaces) == Approx(4.9).margin(0.3));
  // Eyes above the nose, nose above the mouth; its tip in front of all of them.
  const auto point = [&](std::size_t p, Index i) {
    return model.neutral.data<float>()[model.landmarks5[p] * 3 + i];
  };
  CHECK(point(0, 1) > point(2, 1));
  CHECK(point(2, 1) > point(3, 1));
  CHECK(point(2, 2) > point(0, 2));
  CHECK(point(0, 0) < point(1, 0));  // the image's left eye is the subject's right one
}

}  // namespace rf::test
