// Stage (c) of the dense branch, the crops that it learns from, and how well faces are recovered.
#include <filesystem>
#include <fstream>
#include <functional>

#include "retinaface/dense/procedural_head.hpp"
#include "retinaface/training/crop_learner.hpp"
#include "tests/retinaface/dense_stages.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

namespace {

namespace fs = std::filesystem;

// Pictures of one large synthetic face each, as a data set.
void write_faces(const std::string& folder, Index count) {
  SyntheticOptions options{.width = 96, .height = 96, .min_faces = 1, .max_faces = 1};
  options.smallest = options.largest = 64;
  options.largest_yaw = options.largest_pitch = options.largest_roll = 15;
  const SyntheticPictures pictures(procedural_head(), {}, options);
  fs::create_directories(folder + "/images");
  std::ofstream labels(folder + "/label.txt");
  for (Index i = 0; i < count; ++i) {
    const SyntheticPicture picture = pictures(static_cast<std::uint64_t>(i));
    const std::string name = "p" + std::to_string(i) + ".png";
    write_image(folder + "/images/" + name, picture.image, IfExists::refuse);
    const SyntheticFace& face = picture.faces.at(0);
    labels << "# " << name << "\n"
           << face.box.x1 << " " << face.box.y1 << " " << face.box.x2 - face.box.x1 << " "
           << face.box.y2 - face.box.y1;
    for (const Point& p : face.landmarks) labels << " " << p.x << " " << p.y << " 0";
    labels << " 0.9\n";
  }
}

CropTrainingOptions tiny_crops(const std::string& dense, const std::string& data) {
  CropTrainingOptions options;
  options.data = {data};
  options.dense = dense;
  options.crops = 7;
  options.batch = 2;
  options.size = 16;
  options.synthetic = 0;
  return options;
}

}  // namespace

TEST_CASE("crops stage: stopped and resumed, on one thread or three, the same bytes",
          "[crop_stage]") {
  if (no_detector()) return;
  const TemporaryFolder folder;
  const std::string branch = untrained(folder, true), data = folder.file("data");
  write_faces(data, 3);
  CropTrainingOptions options = tiny_crops(branch, data);
  options.synthetic = kSanitized ? 0 : 1;
  check_goes_on<CropLearner>(folder, options, 4);
  const DenseModel model = read_dense_model(folder.file("whole/last.safetensors"));
  CHECK(holds(model.licence, "photographs"));
  CHECK(holds(model.provenance, "train crops, step 4 of 4"));
  // The head learned, the measure of its features did not.
  const DenseModel before = read_dense_model(branch);
  CHECK(same(model.head->state.at("feature_mean"), before.head->state.at("feature_mean")));
  bool learned = false;
  for (const auto& [name, tensor] : before.head->state)
    learned = learned || !same(model.head->state.at(name), tensor);
  CHECK(learned);
  for (const auto& [name, tensor] : before.decoder_state)
    CHECK(same(model.decoder_state.at(name), tensor));
}

TEST_CASE("crops stage: the five points' loss falls, terms without weight do nothing",
          "[crop_stage]") {
  if (no_detector() || kSanitized) return;
  const TemporaryFolder folder;
  const std::string branch = untrained(folder, true), data = folder.file("data");
  write_faces(data, 2);
  CropTrainingOptions options = tiny_crops(branch, data);
  options.crops = 80;
  options.batch = 4;
  options.lr = 3e-3;
  options.pixel_weight = options.prior_weight = options.shape_weight = 0;
  options.landmark_weight = 20;
  CropLearner learner(options);
  double first = 0, last = 0;
  for (Index step = 0; step < learner.steps(); ++step) {
    const std::vector<Measured> values = learner.step(step);
    check_finite(values);
    CHECK(value_of(values, "synthetic") == 0);
    CHECK(value_of(values, "pixel") > 0);
    CHECK(value_of(values, "loss") == Approx(20 * value_of(values, "landmark")));
    (step < 5 ? first : last) +=
        step < 5 || step >= learner.steps() - 5 ? value_of(values, "landmark") : 0;
  }
  CHECK(last < first);
  check_nan_ends(learner, 0);
}

TEST_CASE("crops stage: the shape's weight makes shapes usual, not colours", "[crop_stage]") {
  if (no_detector() || kSanitized) return;
  const TemporaryFolder folder;
  const std::string branch = untrained(folder, true), data = folder.file("data");
  write_faces(data, 1);
  CropTrainingOptions options = tiny_crops(branch, data);
  options.crops = 60;
  options.lr = 3e-3;
  options.pixel_weight = options.prior_weight = options.landmark_weight = 0;
  options.shape_weight = 3;
  CropLearner learner(options);
  double first = 0, last = 0;
  for (Index step = 0; step < learner.steps(); ++step) {
    const std::vector<Measured> values = learner.step(step);
    CHECK(value_of(values, "loss") == Approx(3 * value_of(values, "shape")));
    CHECK(value_of(values, "shape") < value_of(values, "prior"));  // which has the whole code
    last = value_of(values, "shape");
    if (step == 0) first = last;
  }
  CHECK(first > 0);
  CHECK(last < 0.5 * first);
}

TEST_CASE("crops stage: what does not fit is refused", "[crop_stage][error]") {
  if (no_detector()) return;
  const TemporaryFolder folder;
  const std::string branch = untrained(folder, true), data = folder.file("data");
  write_faces(data, 1);
  const auto refused = [&](const std::function<void(CropTrainingOptions&)>& change) {
    CropTrainingOptions options = tiny_crops(branch, data);
    change(options);
    return thrown<UsageError>([&] {
      const CropLearner learner(options);
      return 0;
    });
  };
  CHECK(refused([](auto&) {}) == "nothing thrown");
  CHECK(holds(refused([](auto& o) { o.data.clear(); }), "--data DIR is needed"));
  CHECK(holds(refused([](auto& o) { o.dense = ""; }), "--dense FILE is needed"));
  CHECK(holds(refused([](auto& o) { o.crops = 0; }), "--crops 0"));
  CHECK(holds(refused([](auto& o) { o.size = 7; }), "--size 7"));
  CHECK(holds(refused([](auto& o) { o.synthetic = -1; }), "--synthetic -1"));
  CHECK(holds(refused([](auto& o) { o.pixel_weight = -1; }), "--pixel-weight -1"));
  CHECK(holds(refused([](auto& o) { o.shape_weight = -1; }), "--shape-weight -1"));
  CHECK(holds(refused([](auto& o) { o.smallest = 95; }), "none of 1 pictures"));
  CHECK(holds(refused([&](auto& o) { o.dense = folder.file("decoder"); }), "a decoder alone"));
  DenseModel other = read_dense_model(branch);
  other.head->detector_sha256 = std::string(64, 'f');
  write_dense_model(folder.file("other"), other, IfExists::refuse);
  CHECK(holds(refused([&](auto& o) { o.dense = folder.file("other"); }), "ffffffffffff"));
}

TEST_CASE("face crops: labelled faces that are found, and their mirror images", "[crop_stage]") {
  if (no_detector()) return;
  const TemporaryFolder folder;
  const std::string data = folder.file("data");
  write_faces(data, 3);
  std::ofstream(data + "/label.txt", std::ios::app)
      << "# broken.png\n10 10 50 50 20 20 0 40 20 0 30 30 0 22 40 0 38 40 0 0.9\n"
      << "# empty.png\n10 10 50 50\n";  // no points: not even read
  std::ofstream(data + "/images/broken.png") << "no picture";
  const Pipeline detector(load_embedded_model(), {.score = 0.3F, .nms = {}, .size = "original"});
  const FaceCropOptions options{.data = {data}, .smallest = 30, .size = 24};
  const FaceModel face_model = procedural_head();
  const SeenColours seen(face_model.neutral, face_model.landmarks5, 9);
  const FaceCrops crops = read_face_crops(options, detector, seen);
  REQUIRE(crops.unreadable.size() == 1);
  CHECK(holds(crops.unreadable.begin()->first, "broken.png"));
  CHECK(crops.sha256.size() == 64);
  FaceCropOptions once = options;
  once.mirrored = false;
  const FaceCrops plain = read_face_crops(once, detector, seen);
  CHECK(plain.faces.size() >= 2);
  CHECK(plain.faces.size() <= 3);
  CHECK(crops.faces.size() > plain.faces.size());
  for (const FaceCrop& crop : crops.faces) {
    CHECK(crop.features.size() == 64 + 3 * 9);
    CHECK((crop.group >= 0 && crop.group < 6));
    CHECK(crop.rgb.size() == 24 * 24 * 3);
    CHECK(crop.inside.size() == 24 * 24);
    // Mirrored or not: the left eye is on the left, and eyes are above the mouth.
    CHECK(crop.landmarks[0].x < crop.landmarks[1].x);
    CHECK(crop.landmarks[3].x < crop.landmarks[4].x);
    CHECK(crop.landmarks[0].y < crop.landmarks[3].y);
  }
  // The first picture's face and the same mirrored have points that are each other's images.
  const FaceCrop &a = crops.faces[0], &b = crops.faces[1];
  CHECK(b.landmarks[1].x == Approx(96 - static_cast<double>(a.landmarks[0].x)));
  CHECK(b.landmarks[2].x == Approx(96 - static_cast<double>(a.landmarks[2].x)));
  CHECK(b.landmarks[4].y == a.landmarks[3].y);

  const FaceColumns columns = columns_of({&b, &a});
  CHECK(columns.groups == std::vector<Index>{b.group, a.group});
  CHECK(columns.features.shape() == Shape{2, 64 + 3 * 9});
  CHECK(columns.features.data<float>()[64 + 3 * 9 + 5] == a.features[5]);
  const Image picture = read_image(data + "/images/p0.png");
  CHECK(std::ranges::equal(seen(picture, a.face).span<float>(),
                           std::span(a.features).subspan(64)));  // what detection reads, to the bit
  const CropPixels pixels = pixels_of({&b, &a}, 24);
  REQUIRE(pixels.rgb.shape() == Shape{2, 24, 24, 3});
  CHECK(pixels.rgb.data<float>()[24 * 24 * 3 + 7] == static_cast<float>(a.rgb[7]) / 255.0F);
  CHECK(pixels.inside.data<float>()[100] == static_cast<float>(b.inside[100]));

  const auto same_crops = [](const FaceCrops& one, const FaceCrops& other) {
    return std::ranges::equal(one.faces, other.faces, [](const FaceCrop& x, const FaceCrop& y) {
      return x.features == y.features && x.rgb == y.rgb && x.group == y.group;
    });
  };
  for (const int threads : {1, 3}) {
    const WithThreads with(threads);
    CHECK(same_crops(read_face_crops(options, detector, seen), crops));
  }
  FaceCropOptions large = options;
  large.smallest = 90;
  CHECK_THROWS_AS(read_face_crops(large, detector, seen), UsageError);
}

TEST_CASE("recovery: a branch that says nothing is the mean face, posed", "[crop_stage]") {
  if (no_detector()) return;
  const TemporaryFolder folder;
  DenseModel model = read_dense_model(untrained(folder, true));
  for (auto* state : {&model.decoder_state, &model.head->state}) {
    for (auto& [name, tensor] : *state) {
      if (name != "mean" && name != "feature_deviation") tensor = Tensor::zeros(tensor.shape());
    }
  }
  SyntheticOptions options{.width = 96, .height = 96, .min_faces = 1, .max_faces = 1};
  options.smallest = 40;
  options.largest = 80;
  const SyntheticPictures pictures(procedural_head(), {}, options);
  Pipeline detector(load_embedded_model(), {.score = 0.3F, .nms = {}, .size = "original"});
  read_points(model, detector);
  const DenseBranch branch(model);
  const Recovery r = measure_recovery(branch, detector, pictures, 5, 12);
  CHECK(r.faces == 12);
  CHECK(r.found > 4);
  CHECK(r.rotation == Approx(r.rotation_posed).margin(1e-2));
  CHECK(r.points == Approx(r.points_posed).margin(1e-2));
  CHECK(r.vertices == Approx(r.vertices_posed).margin(1e-4));
  CHECK(r.rotation > 0);
  CHECK(r.rotation < 60);
  CHECK(r.vertices > 0.5);
  const WithThreads three(3);
  const Recovery again = measure_recovery(branch, detector, pictures, 5, 12);
  CHECK(again.rotation == r.rotation);
  CHECK(again.points == r.points);
  CHECK(measure_recovery(branch, detector, pictures, 5, 0).rotation == 0);
}

}  // namespace rf::test
