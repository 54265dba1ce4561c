#include "retinaface/data/loader.hpp"

#include <sys/resource.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "engine/file.hpp"
#include "retinaface/networks.hpp"
#include "tests/emulator.hpp"
#include "tests/image_files.hpp"
#include "tests/ops/op_test.hpp"
#include "tests/retinaface/loader_fixture.hpp"

namespace rf::test {

namespace {

const ModelConfig kModel = three_level_config("mobilenet0.25");

// All that a batch holds, as numbers.
std::vector<float> content(const Batch& batch) {
  std::vector<float> all(batch.image.span<float>().begin(), batch.image.span<float>().end());
  for (const Tensor* tensor : {&batch.targets.box, &batch.targets.landmark})
    all.insert(all.end(), tensor->span<float>().begin(), tensor->span<float>().end());
  for (const Tensor* tensor : {&batch.targets.label, &batch.targets.has_landmark}) {
    for (const std::int64_t value : tensor->span<std::int64_t>())
      all.push_back(static_cast<float>(value));
  }
  const auto put_box = [&](const Box& b) { all.insert(all.end(), {b.x1, b.y1, b.x2, b.y2}); };
  for (const PictureLabels& labels : batch.labels) {
    all.push_back(static_cast<float>(labels.faces.size()));
    for (const LabelledFace& face : labels.faces) put_box(face.box);
    for (const Box& box : labels.ignored) put_box(box);
  }
  return all;
}

std::vector<std::vector<float>> contents(const Dataset& data, const BatchOptions& batches,
                                         const LoaderOptions& options, Index first, Index end) {
  Loader loader(data, kModel, batches, options, first);
  std::vector<std::vector<float>> all;
  for (Index step = first; step < end; ++step) all.push_back(content(loader.next()));
  return all;
}

// Two sources of pictures that are not of one colour, with faces and landmarks.
Dataset mixed_data(const TemporaryFolder& folder) {
  std::vector<PictureSource> sources(2);
  sources[1].weight = 1.5;
  for (int i = 0; i < 9; ++i) {
    const Index width = 50 + 7 * i, height = 90 - 6 * i;
    Image image{width, height, {}};
    for (Index p = 0; p < 3 * width * height; ++p)
      image.rgb.push_back(static_cast<std::uint8_t>((p * (i + 3)) % 251));
    const std::string path = folder.file(message(i, ".ppm"));
    write_image(path, image, IfExists::replace);
    const auto x = static_cast<float>(3 * i);
    PictureLabels labels{.faces = {{{x, 5, x + 20, 28}, {}}}, .ignored = {{30, 30, 50, 45}}};
    labels.faces[0].landmarks = {
        {{x + 5, 12}, {x + 15, 12}, {x + 10, 16}, {x + 6, 22}, {x + 14, 22}}};
    sources[i < 5 ? 0U : 1U].pictures.push_back({path, labels});
  }
  return Dataset(std::move(sources));
}

}  // namespace

TEST_CASE("loader: batches are the same for any threads, memory, cache and start", "[loader]") {
  const TemporaryFolder folder;
  const Dataset data = mixed_data(folder);
  const BatchOptions batches{.seed = 5, .batch = 3, .sizes = {32, 48, 65}, .mosaic = 0.5};
  const auto wanted = contents(data, batches, {.threads = 1, .ahead = 1, .cached_bytes = 0}, 0, 8);
  CHECK(wanted[0] != wanted[1]);
  for (const int threads : {1, 2, 5}) {
    for (const Index cached : {Index{0}, Index{40'000}, Index{1} << 20}) {
      for (const Index first : {0, 1, 6}) {
        CAPTURE(threads, cached, first);
        const auto found = contents(
            data, batches, {.threads = threads, .ahead = 1 + threads % 3, .cached_bytes = cached},
            first, 8);
        CHECK(std::equal(found.begin(), found.end(), wanted.begin() + first, wanted.end()));
      }
    }
  }
  BatchOptions other = batches;
  other.seed = 6;
  CHECK(contents(data, other, {}, 0, 2) != std::vector(wanted.begin(), wanted.begin() + 2));
}

TEST_CASE("loader: the targets are those of the labels, at the size of the step", "[loader]") {
  const TemporaryFolder folder;
  const Dataset data = mixed_data(folder);
  BatchOptions batches{.seed = 5, .batch = 2, .sizes = {64, 96}};
  batches.matching.positive = 0.4;
  Loader loader(data, kModel, batches, {}, 0);
  std::int64_t faces = 0;
  for (Index step = 0; step < 6; ++step) {
    const Batch batch = loader.next();
    const Index size = step_size(batches, step);
    CHECK(batch.image.shape() == (Shape{2, 3, size, size}));
    const AnchorTargets wanted = make_targets(AnchorGrid(kModel.anchors, size, size), batch.labels,
                                              kModel.coding, batches.matching);
    CHECK(relative_error(batch.targets.box, wanted.box) == 0);
    CHECK(relative_error(batch.targets.landmark, wanted.landmark) == 0);
    const auto same = [](const Tensor& a, const Tensor& b) {
      return std::ranges::equal(a.span<std::int64_t>(), b.span<std::int64_t>());
    };
    CHECK(same(batch.targets.label, wanted.label));
    CHECK(same(batch.targets.has_landmark, wanted.has_landmark));
    const Tensor& label = batch.targets.label;
    faces += std::ranges::count(label.span<std::int64_t>(), 1);
  }
  CHECK(faces > 0);
}

TEST_CASE("loader: takes the pictures in the order of the epochs, without a gap between them",
          "[loader]") {
  const TemporaryFolder folder;
  std::vector<PictureSource> sources = {grey_source(folder, "a", {10, 20, 30, 40, 50})};
  const Dataset data(std::move(sources));
  const BatchOptions batches = plain_batches(3, {32});
  Loader loader(data, kModel, batches, {.threads = 2}, 0);
  std::vector<int> found, wanted;
  for (Index step = 0; step < 5; ++step) {
    const Batch batch = loader.next();
    for (Index i = 0; i < 3; ++i) found.push_back(level_at(batch, i, 16, 16));
  }
  for (Index epoch = 0; epoch < 3; ++epoch) {
    for (const Index picture : data.epoch_order(11, epoch))
      wanted.push_back(static_cast<int>(10 * (picture + 1)));
  }
  CHECK(found == wanted);
  // 3 a step of 5: samples 6, 7, 8 of step 2 are the second to fourth of the second epoch.
  for (Index i = 0; i < 3; ++i) {
    CHECK(sample_position(data, 3, 2, i).epoch == 1);
    CHECK(sample_position(data, 3, 2, i).index == 1 + i);
  }
}

TEST_CASE("loader: a picture that cannot be read gives way to the next of its source, and is named",
          "[loader]") {
  const TemporaryFolder folder;
  std::vector<PictureSource> sources = {grey_source(folder, "a", {10, 20, 30}),
                                        grey_source(folder, "b", {100})};
  sources[0].pictures[1].labels.faces.clear();
  std::filesystem::remove(folder.file("a0.ppm"));
  std::ofstream(folder.file("a2.ppm")) << "P6 40 40 255 too short";
  const Dataset data(std::move(sources));
  Loader loader(data, kModel, plain_batches(4, {32}), {.threads = 2}, 0);
  for (Index step = 0; step < 3; ++step) {
    const Batch batch = loader.next();
    int good = 0;
    for (Index i = 0; i < 4; ++i) {
      const int level = level_at(batch, i, 16, 16);
      CHECK((level == 20 || level == 100));
      good += level == 100;
      // Labels are those of the picture that is seen.
      CHECK(batch.labels[static_cast<std::size_t>(i)].faces.empty() == (level == 20));
    }
    CHECK(good == 1);
  }
  const auto unreadable = loader.unreadable();
  REQUIRE(unreadable.size() == 2);
  CHECK_THAT(unreadable.at(folder.file("a0.ppm")), Catch::Contains("a0.ppm"));
  CHECK_THAT(unreadable.at(folder.file("a2.ppm")), Catch::Contains("a2.ppm"));
}

TEST_CASE("loader: a source that cannot be read at all is an error of next(), every time",
          "[loader][error]") {
  const TemporaryFolder folder;
  std::vector<PictureSource> sources = {grey_source(folder, "a", {10, 20}),
                                        grey_source(folder, "b", {30})};
  for (const char* name : {"a0.ppm", "a1.ppm"}) std::filesystem::remove(folder.file(name));
  const Dataset data(std::move(sources));
  for (const int threads : {1, 3}) {
    Loader loader(data, kModel, plain_batches(3, {32}), {.threads = threads}, 0);
    for (int i = 0; i < 2; ++i)
      check_refused<FileError>([&] { (void)loader.next(); }, {"whole source", ".ppm"});
  }
}

TEST_CASE("loader: can be given up at any moment", "[loader]") {
  const TemporaryFolder folder;
  const Dataset data = mixed_data(folder);
  for (int i = 0; i < 30; ++i) {
    Loader loader(data, kModel, {.batch = 4, .sizes = {64}}, {.threads = 1 + i % 4}, i);
    if (i % 3 == 0) (void)loader.next();
    if (i % 3 == 1) CHECK(loader.waited() >= 0);
  }
}

TEST_CASE("loader: pictures are not turned by EXIF, since labels are in stored pixels",
          "[loader]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.jpg");
  const Bytes file = make_jpeg(
      {.width = 16, .height = 8, .components = {{40, 200}}, .extra = exif_segment(6, true)});
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  BatchOptions batches = plain_batches(1, {32});
  batches.augment.whole = true;
  std::vector<PictureSource> sources(1);
  sources[0].pictures = {{path, {}}};
  const Dataset data(std::move(sources));
  const Batch batch = Loader(data, kModel, batches, {}, 0).next();
  CHECK(level_at(batch, 0, 4, 4) == 40);
  CHECK(level_at(batch, 0, 4, 28) == 200);
  CHECK(level_at(batch, 0, 28, 4) == 104);  // below the picture: the mean
}

TEST_CASE("loader: works with as many threads as the system gives", "[loader]") {
  if (kSanitized) return;  // they need the address space themselves
  if (kEmulated) return skip("fewer threads than asked for: an emulator sets no limit to memory");
  const TemporaryFolder folder;
  std::vector<PictureSource> sources = {grey_source(folder, "a", {10, 20})};
  const Dataset data(std::move(sources));
  // Room for some stacks of 8 MiB, not for a thousand.
  std::ifstream statm("/proc/self/statm");
  rlim_t pages = 0;
  REQUIRE(statm >> pages);
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  const rlimit tight{.rlim_cur = pages * 4096 + (rlim_t{400} << 20), .rlim_max = before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
  std::optional<Loader> loader;
  std::string refusal;
  try {
    loader.emplace(data, kModel, plain_batches(1, {32}), LoaderOptions{.threads = 1024}, 0);
  } catch (const std::exception& error) {
    refusal = error.what();
  }
  REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
  CHECK(refusal == "");
  const std::filesystem::directory_iterator threads("/proc/self/task");
  CHECK(std::distance(begin(threads), end(threads)) < 1000);  // it did run short
  if (loader) CHECK(loader->next().labels.size() == 1);
}

TEST_CASE("loader: each step draws one of the sizes, by seed and step", "[loader]") {
  BatchOptions options{.seed = 3, .sizes = {64}};
  CHECK(step_size(options, 12345) == 64);
  options.sizes = {64, 96, 128};
  std::map<Index, int> drawn;
  for (Index step = 0; step < 3000; ++step) ++drawn[step_size(options, step)];
  REQUIRE(drawn.size() == 3);
  for (const Index size : options.sizes) CHECK(std::abs(drawn[size] - 1000) < 110);  // 4 sigma
  BatchOptions other = options;
  other.seed = 4;
  int same = 0;
  for (Index step = 0; step < 300; ++step)
    same += step_size(options, step) == step_size(other, step);
  CHECK(same < 150);
}

TEST_CASE("loader: options without sense are refused by name", "[loader][error]") {
  const TemporaryFolder folder;
  std::vector<PictureSource> sources = {grey_source(folder, "a", {10})};
  const Dataset data(std::move(sources));
  const auto refused = [&](auto&& change, std::initializer_list<const char*> parts) {
    BatchOptions batches = plain_batches(1, {32});
    LoaderOptions options;
    ModelConfig model = kModel;
    Index first_step = 0;
    change(batches, options, model, first_step);
    check_refused<UsageError>([&] { Loader(data, model, batches, options, first_step); }, parts);
  };
  const double nan = std::nan("");
  refused([](auto& b, auto&, auto&, auto&) { b.batch = 0; }, {"batch 0"});
  refused([](auto& b, auto&, auto&, auto&) { b.batch = 5000; }, {"batch 5000"});
  refused([](auto& b, auto&, auto&, auto&) { b.sizes = {}; }, {"size"});
  refused([](auto& b, auto&, auto&, auto&) { b.sizes = {64, 31}; }, {"size 31"});
  refused([](auto& b, auto&, auto&, auto&) { b.sizes = {4097}; }, {"size 4097"});
  refused([](auto& b, auto&, auto&, auto&) { b.augment.crop_min = 0; }, {"crop 0"});
  refused([](auto& b, auto&, auto&, auto&) { b.augment.crop_max = 0.5; }, {"crop 1 to 0.5"});
  refused([](auto& b, auto&, auto&, auto&) { b.augment.crop_max = 9; }, {"crop 1 to 9"});
  refused([&](auto& b, auto&, auto&, auto&) { b.augment.crop_min = nan; }, {"crop nan"});
  refused([&](auto& b, auto&, auto&, auto&) { b.augment.mirror = nan; }, {"mirror nan"});
  refused([](auto& b, auto&, auto&, auto&) { b.augment.mirror = 1.1; }, {"mirror 1.1"});
  refused([](auto& b, auto&, auto&, auto&) { b.mosaic = -0.1; }, {"mosaic -0.1"});
  refused([](auto& b, auto&, auto&, auto&) { b.augment.min_face = -1; }, {"min-face -1"});
  refused([](auto&, auto& o, auto&, auto&) { o.threads = 0; }, {"0 threads"});
  refused([](auto&, auto& o, auto&, auto&) { o.ahead = 0; }, {"0 batches"});
  refused([](auto&, auto& o, auto&, auto&) { o.cached_bytes = -1; }, {"-1 bytes"});
  refused([](auto&, auto&, auto& m, auto&) { m.anchors.clear(); }, {"anchors"});
  refused([](auto&, auto&, auto&, auto& s) { s = -1; }, {"step -1"});
}

}  // namespace rf::test
