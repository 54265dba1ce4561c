#include "retinaface/dense/dense_model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/check.hpp"
#include "weights/described_state.hpp"

namespace rf {

namespace {

using Json = nlohmann::ordered_json;

constexpr FileSchema kSchema{
    .key = "retinaface-dense", .schema = "retinaface-dense/1", .what = "file of the dense branch"};
constexpr const char *kDecoder = "decoder/", *kHead = "head/";
constexpr Index kLargest = 100'000;    // vertices, features: what files may ask for
constexpr std::size_t kMostMaps = 16;  // that a head reads
constexpr Index kCorners = 3;  // of a triangle, and of the closest one that up-sampling reads

std::string level_name(std::size_t level, const char* what) {
  return message("level.", level, ".", what);
}

Tensor triangles_tensor(const FaceLevel& level) {
  Tensor t = Tensor::empty({static_cast<Index>(level.triangles.size()), kCorners}, DType::i32);
  auto* to = t.data<std::int32_t>();
  for (const auto& corners : level.triangles) {
    for (const Index corner : corners) *to++ = static_cast<std::int32_t>(corner);
  }
  return t;
}

// Three entries a row at most; a row of fewer is filled with weights of 0.
void add_up_sampling(StateDict& state, std::size_t level, const CsrMatrix& up) {
  Tensor ids = Tensor::zeros({up.rows(), kCorners}, DType::i32),
         weights = Tensor::zeros({up.rows(), kCorners});
  for (Index r = 0; r < up.rows(); ++r) {
    const Index begin = up.row_begin()[static_cast<std::size_t>(r)],
                end = up.row_begin()[static_cast<std::size_t>(r) + 1];
    RF_ASSERT(end - begin <= kCorners);
    for (Index i = begin; i < end; ++i) {
      const auto entry = static_cast<std::size_t>(i);
      ids.data<std::int32_t>()[kCorners * r + i - begin] =
          static_cast<std::int32_t>(up.column()[entry]);
      weights.data<float>()[kCorners * r + i - begin] = static_cast<float>(up.value()[entry]);
    }
  }
  state.emplace(level_name(level, "up.vertices"), ids);
  state.emplace(level_name(level, "up.weights"), weights);
}

// Numbers that a network's state has; doubles do not overflow.
double numbers_of(const DenseHeadConfig& c) {
  const auto features = static_cast<double>(c.features()), hidden = static_cast<double>(c.hidden);
  const double in = features + DenseHead::kInputs,
               out = static_cast<double>(c.code + DenseHead::kCamera + DenseHead::kLight);
  const double layers = c.hidden > 0 ? (in + 1) * hidden + (hidden + 1) * out : (in + 1) * out;
  const double sets = c.shared ? 1 : static_cast<double>(c.levels) * static_cast<double>(c.anchors);
  return sets * (layers + 2 * features);
}

double numbers_of(const MeshDecoderOptions& o, const std::vector<FaceLevel>& levels) {
  const auto order = static_cast<double>(o.order), features = static_cast<double>(o.features);
  auto in = static_cast<double>(o.widths[0]);
  double sum = (static_cast<double>(o.code) + 1) * static_cast<double>(levels[0].vertices) * in;
  for (std::size_t i = 1; i < levels.size(); ++i) {
    const auto out = static_cast<double>(o.widths[i]);
    sum += order * in * out + out;
    in = out;
  }
  return sum + order * in * features + features +
         static_cast<double>(levels.back().vertices) * features;
}

// Takes things out of a file, and knows its name.
class Reader {
 public:
  explicit Reader(const std::string& path)
      : path_(path), file_(read_described_state(path, kSchema)) {}

  DenseModel read() {
    return read_description(path_, [this] {
      const Json& json = file_.description;
      DenseModel model;
      model.sha256 = file_.sha256;
      model.licence = json.at("licence").get<std::string>();
      model.provenance = json.at("provenance").get<std::string>();
      read_decoder(json.at("decoder"), model);
      const Index vertices = model.levels.back().vertices;
      model.landmarks5 = landmarks(json, "landmarks5", 5, vertices);
      model.landmarks68 = landmarks(json, "landmarks68", 68, vertices);
      model.decoder_state = part(kDecoder);
      check_numbers("decoder", model.decoder_state, numbers_of(model.decoder, model.levels));
      if (json.contains("head")) read_head(json.at("head"), model);
      (void)make_decoder(model);
      return model;
    });
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw ModelError(path_ + ": " + what); }

  Index size(const Json& json, const char* key, Index least) const {
    const Index value = described_count(json, key, path_);
    if (value < least || value > kLargest)
      fail(message("its description has ", value, " for ", key, ", must be ", least, " to ",
                   kLargest));
    return value;
  }

  // nlohmann would take 2.5 for 2.
  std::vector<Index> whole_numbers(const Json& json) const {
    if (!json.is_array() ||
        !std::ranges::all_of(json, [](const Json& value) { return value.is_number_integer(); }))
      fail("its description has a value of another type where whole numbers are due");
    return json.get<std::vector<Index>>();
  }

  std::vector<Index> landmarks(const Json& json, const char* key, std::size_t count,
                               Index vertices) const {
    std::vector<Index> rows = whole_numbers(json.at(key));
    if (rows.size() != count ||
        std::ranges::any_of(rows, [&](Index row) { return row < 0 || row >= vertices; }))
      fail(message(key, " must be ", count, " vertices of ", vertices));
    return rows;
  }

  Tensor tensor(const std::string& name, DType dtype, Index rows) const {
    const auto found = file_.state.find(name);
    if (found == file_.state.end()) fail(message("has no tensor ", name));
    const Tensor& t = found->second;
    if (t.dtype() != dtype || t.shape().rank() != 2 || t.shape()[1] != kCorners ||
        (rows >= 0 && t.shape()[0] != rows))
      fail(message("tensor ", name, " is ", to_string(t.dtype()), " ", t.shape(), ", must be ",
                   to_string(dtype), " [", rows < 0 ? "rows" : std::to_string(rows), ", 3]"));
    return t;
  }

  std::vector<Index> rows_of(const std::string& name, Index rows, Index limit) const {
    const Tensor t = tensor(name, DType::i32, rows);
    std::vector<Index> ids;
    for (const std::int32_t id : t.span<std::int32_t>()) {
      if (id < 0 || id >= limit)
        fail(message("tensor ", name, " names vertex ", id, " of ", limit));
      ids.push_back(id);
    }
    return ids;
  }

  FaceLevel level(std::size_t number, Index vertices, Index before) const {
    FaceLevel level{
        .vertices = vertices, .triangles = {}, .up = CsrMatrix::from_triplets(vertices, 0, {})};
    const std::vector<Index> corners = rows_of(level_name(number, "triangles"), -1, vertices);
    for (std::size_t i = 0; i < corners.size(); i += kCorners)
      level.triangles.push_back({corners[i], corners[i + 1], corners[i + 2]});
    if (number == 0) return level;
    const std::vector<Index> ids = rows_of(level_name(number, "up.vertices"), vertices, before);
    const Tensor weights = tensor(level_name(number, "up.weights"), DType::f32, vertices);
    check_finite(level_name(number, "up.weights"), weights);
    std::vector<CsrMatrix::Triplet> entries;
    for (Index i = 0; i < kCorners * vertices; ++i)
      entries.push_back({i / kCorners, ids[static_cast<std::size_t>(i)],
                         static_cast<double>(weights.data<float>()[i])});
    level.up = CsrMatrix::from_triplets(vertices, before, entries);
    return level;
  }

  void read_decoder(const Json& json, DenseModel& model) const {
    model.decoder.code = size(json, "code", 1);
    model.decoder.order = size(json, "order", 1);
    model.decoder.widths = whole_numbers(json.at("widths"));
    const std::vector<Index> vertices = whole_numbers(json.at("vertices"));
    const auto sound = [](Index n) { return n >= 1 && n <= kLargest; };
    if (vertices.size() < 2 || vertices.size() != model.decoder.widths.size() ||
        vertices.size() > 16 || !std::ranges::all_of(vertices, sound) ||
        !std::ranges::all_of(model.decoder.widths, sound))
      fail("its decoder needs from 2 to 16 levels, each with vertices and a width");
    for (std::size_t i = 0; i < vertices.size(); ++i)
      model.levels.push_back(level(i, vertices[i], i == 0 ? 0 : vertices[i - 1]));
  }

  // Maps that are read at the five landmarks; heads of the anchor's column alone have no such key.
  std::vector<FeatureMap> points(const Json& json, Index levels) const {
    std::vector<FeatureMap> maps;
    if (!json.contains("points")) return maps;
    const Json& list = json.at("points");
    if (!list.is_array() || list.empty() || list.size() > kMostMaps)
      fail(message("its head's points must be a list of 1 to ", kMostMaps, " maps"));
    for (const Json& item : list) {
      try {
        maps.push_back(parse_feature_map(item.get<std::string>()));
      } catch (const UsageError& error) {
        fail(message("its head's points: ", error.what()));
      }
      if (maps.back().level >= levels)
        fail(message("its head's points: ", to_string(maps.back()), " of ", levels, " levels"));
    }
    return maps;
  }

  void read_head(const Json& json, DenseModel& model) const {
    DenseModel::Head head;
    head.config = {.channels = size(json, "channels", 1),
                   .points = points(json, size(json, "levels", 1)),
                   .point_channels = json.contains("points") ? size(json, "point_channels", 1) : 0,
                   .colours = json.contains("colours") ? size(json, "colours", 1) : 0,
                   .levels = size(json, "levels", 1),
                   .anchors = size(json, "anchors", 1),
                   .shared = json.contains("shared") && json.at("shared").get<bool>(),
                   .code = model.decoder.code,
                   .hidden = size(json, "hidden", 0),
                   .pivot = json.at("pivot").get<std::array<double, 3>>()};
    if (const Index vertices = model.levels.back().vertices; head.config.colours > vertices)
      fail(message("its head reads colours of ", head.config.colours, " vertices, the mesh has ",
                   vertices));
    head.detector_sha256 = json.at("detector_sha256").get<std::string>();
    for (const double place : head.config.pivot) {
      if (!(std::abs(place) < 1e6)) fail(message("its head's pivot has the number ", place));
    }
    head.state = part(kHead);
    check_numbers("head", head.state, numbers_of(head.config));
    model.head = std::move(head);
    (void)make_head(model);
    const Tensor& deviation = model.head->state.at("feature_deviation");
    if (std::ranges::any_of(deviation.span<float>(), [](float x) { return !(x > 0); }))
      fail("its head divides features by a number that is not above 0");
  }

  // Before a network is made: the memory that it takes is then no more than the file's.
  void check_numbers(const char* what, const StateDict& state, double wanted) const {
    double found = 0;
    for (const auto& [name, tensor] : state) found += static_cast<double>(tensor.numel());
    if (found != wanted)
      fail(message("its ", what, " has ", found, " numbers, but its description needs ", wanted));
  }

  void check_finite(const std::string& name, const Tensor& values) const {
    for (const float x : values.span<float>()) {
      if (!std::isfinite(x)) fail(message("tensor ", name, " holds the number ", x));
    }
  }

  StateDict part(const std::string& prefix) const {
    StateDict state;
    for (const auto& [name, value] : file_.state) {
      if (!name.starts_with(prefix)) continue;
      if (value.dtype() != DType::f32) fail(message("tensor ", name, " must be f32"));
      check_finite(name, value);
      state.emplace(name.substr(prefix.size()), value);
    }
    return state;
  }

  std::string path_;
  DescribedState file_;
};

template <class Network>
void fill(Network& network, const StateDict& state, const char* what) {
  try {
    network.load_state_dict(state);
  } catch (const ShapeError& error) {
    throw ModelError(message("its ", what, " does not fit its description: ", error.what()));
  }
}

}  // namespace

void write_dense_model(const std::string& path, const DenseModel& model, IfExists if_exists) {
  std::vector<Index> vertices;
  StateDict state;
  for (std::size_t i = 0; i < model.levels.size(); ++i) {
    vertices.push_back(model.levels[i].vertices);
    state.emplace(level_name(i, "triangles"), triangles_tensor(model.levels[i]));
    if (i > 0) add_up_sampling(state, i, model.levels[i].up);
  }
  for (const auto& [name, tensor] : model.decoder_state) state.emplace(kDecoder + name, tensor);
  Json json = {{"licence", model.licence},
               {"provenance", model.provenance},
               {"decoder",
                {{"code", model.decoder.code},
                 {"order", model.decoder.order},
                 {"widths", model.decoder.widths},
                 {"vertices", vertices}}},
               {"landmarks5", model.landmarks5},
               {"landmarks68", model.landmarks68}};
  if (model.head) {
    const DenseHeadConfig& c = model.head->config;
    json["head"] = {{"channels", c.channels}, {"levels", c.levels},
                    {"anchors", c.anchors},   {"hidden", c.hidden},
                    {"pivot", c.pivot},       {"detector_sha256", model.head->detector_sha256}};
    for (const FeatureMap& map : c.points) json["head"]["points"].push_back(to_string(map));
    if (!c.points.empty()) json["head"]["point_channels"] = c.point_channels;
    if (c.colours > 0) json["head"]["colours"] = c.colours;
    if (c.shared) json["head"]["shared"] = true;
    for (const auto& [name, tensor] : model.head->state) state.emplace(kHead + name, tensor);
  }
  write_described_state(path, kSchema, {.description = json, .state = state, .sha256 = {}},
                        if_exists);
}

DenseModel read_dense_model(const std::string& path) { return Reader(path).read(); }

std::unique_ptr<MeshDecoder> make_decoder(const DenseModel& model) {
  auto decoder = std::make_unique<MeshDecoder>(decoder_levels(model.levels), model.decoder);
  fill(*decoder, model.decoder_state, "decoder");
  return decoder;
}

std::unique_ptr<DenseHead> make_head(const DenseModel& model) {
  RF_ASSERT(model.head.has_value());
  auto head = std::make_unique<DenseHead>(model.head->config);
  fill(*head, model.head->state, "head");
  return head;
}

bool may_have_learned(const DenseModel& model, const FaceModel& faces) {
  const auto same_level = [](const FaceLevel& a, const FaceLevel& b) {
    return a.vertices == b.vertices && a.triangles == b.triangles;
  };
  return std::equal(model.levels.begin(), model.levels.end(), faces.levels.begin(),
                    faces.levels.end(), same_level) &&
         model.landmarks5 == faces.landmarks5 && model.landmarks68 == faces.landmarks68;
}

std::string with_photographs(const std::string& licence) {
  const std::string clause = "; the head as the photographs allow that it was trained on";
  return licence.ends_with(clause) ? licence : licence + clause;
}

Tensor mean_face(const DenseModel& model) { return model.decoder_state.at("mean"); }

}  // namespace rf
