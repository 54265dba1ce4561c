#include "retinaface/dense/synthetic.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "autograd/scope.hpp"
#include "engine/check.hpp"
#include "engine/math.hpp"
#include "retinaface/dense/synthetic_view.hpp"

namespace rf {

namespace {

constexpr double kCropMargin = 1.25;     // a crop's side over that of the face's box
constexpr double kLargestShare = 0.9;    // of the picture's shorter side
constexpr double kBorder = 1, kGap = 2;  // pixels between a box and the border, and another box
constexpr int kPlaces = 50;              // that are tried for a face

// What the numbers of a picture are for: as many streams belong to each.
constexpr std::uint64_t kStreams = 128, kSizes = 0, kBackdrop = 1, kFinish = 2, kFaces = 64;
static_assert(kFaces + kMostSyntheticFaces <= kStreams);

Random stream(std::uint64_t seed, std::uint64_t index, std::uint64_t use) {
  const std::uint64_t number = index * kStreams + use;
  return Random(seed, RandomPurpose::synthetic, static_cast<std::uint32_t>(number >> 32),
                static_cast<std::uint32_t>(number));
}

double log_uniform(double low, double high, Random& random) {
  return low * exp(static_cast<double>(random.uniform()) * log(high / low));
}

double largest_face(const SyntheticOptions& o) {
  return std::min(o.largest, kLargestShare * static_cast<double>(std::min(o.width, o.height)));
}

// Pixels of the rendered crop for one of the picture, each way: the smaller a face, the more, so
// that triangles are not much smaller than pixels.
Index samples(Index side) { return side >= 160 ? 1 : side >= 64 ? 2 : 3; }

template <class T>
void check_between(const char* name, T value, T low, T high) {
  if (!(value >= low && value <= high))
    throw UsageError(
        message("synthetic pictures: ", name, " ", value, " is not from ", low, " to ", high));
}

FaceModel with_levels(FaceModel model) {
  RF_CHECK_SHAPE(!model.levels.empty(), "SyntheticPictures", "the face model has no mesh");
  RF_CHECK_SHAPE(model.landmarks5.size() == 5, "SyntheticPictures", "the face model has ",
                 model.landmarks5.size(), " landmarks, must have 5");
  return model;
}

double height_of(const Tensor& neutral) {
  RF_CHECK_SHAPE(neutral.shape().rank() == 2 && neutral.shape()[0] > 0 && neutral.shape()[1] == 3,
                 "SyntheticPictures", "the neutral face is ", neutral.shape(), ", must be [V, 3]");
  double height = 0;
  for (Index i = 0; i < 3; ++i) {
    float low = neutral.data<float>()[i], high = low;
    for (Index v = 0; v < neutral.shape()[0]; ++v) {
      low = std::min(low, neutral.data<float>()[3 * v + i]);
      high = std::max(high, neutral.data<float>()[3 * v + i]);
    }
    height = std::max(height, static_cast<double>(high - low));
  }
  RF_CHECK_SHAPE(height > 0 && std::isfinite(height), "SyntheticPictures", "the neutral face is ",
                 height, " large");
  return height;
}

bool keep_apart(const Box& a, const Box& b) {
  const auto gap = static_cast<float>(kGap);
  return a.x2 + gap <= b.x1 || b.x2 + gap <= a.x1 || a.y2 + gap <= b.y1 || b.y2 + gap <= a.y1;
}

// Where a crop may begin so that a box of this size in its middle lies in the picture.
struct Room {
  Index first, count;
  Room(double side, double box, Index picture) {
    const double before = (side - box) / 2 - kBorder;
    first = static_cast<Index>(std::ceil(-before));
    const auto last =
        static_cast<Index>(std::floor(static_cast<double>(picture) - (side + box) / 2 - kBorder));
    count = std::max<Index>(0, last - first + 1);
  }
};

// A place where the box of a face touches no other. Nothing if none was found.
std::optional<SquareCrop> find_place(double side, const Framing& framing,
                                     const SyntheticOptions& options,
                                     const std::vector<SyntheticFace>& others, Random& random) {
  const double width = framing.width * side, height = framing.height * side;
  const Room columns(side, width, options.width), rows(side, height, options.height);
  if (columns.count == 0 || rows.count == 0) return std::nullopt;
  for (int attempt = 0; attempt < kPlaces; ++attempt) {
    const auto draw = [&](const Room& room) {
      return static_cast<double>(room.first + random.below(static_cast<std::uint32_t>(room.count)));
    };
    const double x = draw(columns), y = draw(rows), cx = x + side / 2, cy = y + side / 2;
    const Box box{static_cast<float>(cx - width / 2), static_cast<float>(cy - height / 2),
                  static_cast<float>(cx + width / 2), static_cast<float>(cy + height / 2)};
    const auto is_apart = [&](const SyntheticFace& other) { return keep_apart(box, other.box); };
    if (std::all_of(others.begin(), others.end(), is_apart)) return SquareCrop{x, y, side};
  }
  return std::nullopt;
}

// Where the vertices are, and their box and landmarks.
void locate(SyntheticFace& face, const Tensor& clip, Index drawn_per_pixel,
            const std::vector<Index>& landmarks) {
  const Index vertices = clip.shape()[1];
  face.points = Tensor::empty({vertices, 2});
  float* point = face.points.data<float>();
  const float* c = clip.data<float>();
  for (Index v = 0; v < vertices; ++v) {
    const double depth = static_cast<double>(c[4 * v + 3]) * static_cast<double>(drawn_per_pixel);
    point[2 * v] = static_cast<float>(face.crop.x + static_cast<double>(c[4 * v]) / depth);
    point[2 * v + 1] = static_cast<float>(face.crop.y + static_cast<double>(c[4 * v + 1]) / depth);
  }
  face.box = {point[0], point[1], point[0], point[1]};
  for (Index v = 1; v < vertices; ++v) {
    face.box.x1 = std::min(face.box.x1, point[2 * v]);
    face.box.y1 = std::min(face.box.y1, point[2 * v + 1]);
    face.box.x2 = std::max(face.box.x2, point[2 * v]);
    face.box.y2 = std::max(face.box.y2, point[2 * v + 1]);
  }
  for (std::size_t i = 0; i < face.landmarks.size(); ++i)
    face.landmarks[i] = {point[2 * landmarks[i]], point[2 * landmarks[i] + 1]};
}

template <std::size_t N>
Tensor as_tensor(const std::array<float, N>& numbers) {
  return Tensor::from({static_cast<Index>(N)}, std::span<const float>(numbers));
}

ag::Var batch_of_one(const Tensor& t) {
  return ag::Var(t.shape().rank() == 1 ? t.reshaped({1, t.shape()[0]})
                                       : t.reshaped({1, t.shape()[0], t.shape()[1]}));
}

}  // namespace

void check(const SyntheticOptions& o) {
  check_between<Index>("width", o.width, 32, kLargestSyntheticSide);
  check_between<Index>("height", o.height, 32, kLargestSyntheticSide);
  check_between<Index>("max_faces", o.max_faces, 0, kMostSyntheticFaces);
  check_between<Index>("min_faces", o.min_faces, 0, o.max_faces);
  check_between<double>("largest face", o.largest, 8, kLargestSyntheticSide);
  check_between<double>("smallest face", o.smallest, 8, largest_face(o));
  check_between<double>("largest_yaw", o.largest_yaw, 0, 90);
  check_between<double>("largest_pitch", o.largest_pitch, 0, 60);
  check_between<double>("largest_roll", o.largest_roll, 0, 90);
  check_between<double>("longest_focal", o.longest_focal, 1, 100);
  check_between<double>("shortest_focal", o.shortest_focal, 1, o.longest_focal);
  check_between<double>("blur", o.blur, 0, 10);
  check_between<double>("noise", o.noise, 0, 100);
  check_between<double>("brightness", o.brightness, 0, 255);
  check_between<double>("contrast", o.contrast, 0, 1);
}

SyntheticPictures::SyntheticPictures(FaceModel model, SyntheticBackgrounds backgrounds,
                                     const SyntheticOptions& options)
    : model_(with_levels(std::move(model))),
      backgrounds_(std::move(backgrounds)),
      options_((check(options), options)),
      renderer_(model_.neutral.shape()[0], model_.levels.back().triangles),
      noise_(options.seed),
      height_(height_of(model_.neutral)) {}

std::vector<double> SyntheticPictures::face_sizes(Random random) const {
  const auto spread = static_cast<std::uint32_t>(options_.max_faces - options_.min_faces);
  std::vector<double> sizes(static_cast<std::size_t>(options_.min_faces) +
                            random.below(spread + 1));
  for (double& size : sizes) size = log_uniform(options_.smallest, largest_face(options_), random);
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  return sizes;
}

// `face` has its parameters and mesh.
void SyntheticPictures::add_face(SyntheticFace face, double size, Random random,
                                 FloatPicture& picture, std::vector<SyntheticFace>& faces) const {
  const SyntheticOptions& o = options_;
  const std::array<float, 3> pose =
      pose_of(random_angles({o.largest_yaw, o.largest_pitch, o.largest_roll}, random));
  const double focal = log_uniform(o.shortest_focal, o.longest_focal, random);
  const double side = std::ceil(size * kCropMargin);
  const Framing framing = frame(face.mesh, pose, focal, size / side);
  face.camera = as_tensor(framing.camera);
  face.light = as_tensor(random_light(random));
  const std::optional<SquareCrop> place = find_place(side, framing, o, faces, random);
  if (!place) return;
  face.crop = *place;
  const Index per_pixel = samples(static_cast<Index>(side));
  const RenderedMeshes drawn =
      renderer_(batch_of_one(face.mesh), batch_of_one(face.camera), batch_of_one(face.light),
                static_cast<Index>(side) * per_pixel);
  locate(face, drawn.clip.value(), per_pixel, model_.landmarks5);
  const std::vector<bool> visible = visible_vertices(drawn.clip.value(), renderer_.triangles(),
                                                     model_.landmarks5, 0.02 * height_);
  std::copy(visible.begin(), visible.end(), face.visible.begin());
  picture.lay_over(drawn, per_pixel, static_cast<Index>(face.crop.x),
                   static_cast<Index>(face.crop.y));
  faces.push_back(std::move(face));
}

void SyntheticPictures::finish(FloatPicture& picture, Random random) const {
  const bool sharp = random.uniform() < 0.5F;
  const double blur = options_.blur * static_cast<double>(random.uniform());
  if (!sharp) picture.blur(blur);
  const auto amount = [&](double most, float low) {
    return static_cast<float>(most) * random.uniform(low, 1);
  };
  const float contrast = amount(options_.contrast, -1),
              brightness = amount(options_.brightness, -1);
  picture.change({.gain = 1 + contrast, .offset = brightness, .noise = amount(options_.noise, 0)},
                 noise_, random);
}

SyntheticPicture SyntheticPictures::operator()(std::uint64_t index) const {
  const ag::NoGradScope values_only;
  const std::uint64_t seed = options_.seed;
  const std::vector<double> sizes = face_sizes(stream(seed, index, kSizes));
  const auto count = static_cast<Index>(sizes.size());
  FloatPicture picture(
      backgrounds_({options_.width, options_.height}, stream(seed, index, kBackdrop)));
  SyntheticPicture result;
  const FaceParameters parameters =
      random_faces(model_, count, seed, index * static_cast<std::uint64_t>(kMostSyntheticFaces));
  const Tensor meshes = count > 0 ? make_faces(model_, parameters) : Tensor();
  for (Index k = 0; k < count; ++k) {
    SyntheticFace face{};
    face.parameters = {.identity = parameters.identity.rows(k, k + 1),
                       .expression = parameters.expression.rows(k, k + 1),
                       .albedo = parameters.albedo.rows(k, k + 1)};
    face.mesh = meshes.rows(k, k + 1).reshaped({meshes.shape()[1], 6});
    add_face(std::move(face), sizes[static_cast<std::size_t>(k)],
             stream(seed, index, kFaces + static_cast<std::uint64_t>(k)), picture, result.faces);
  }
  finish(picture, stream(seed, index, kFinish));
  result.image = picture.image();
  return result;
}

}  // namespace rf
