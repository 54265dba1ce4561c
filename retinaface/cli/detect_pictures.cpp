#include "retinaface/cli/detect_pictures.hpp"

#include <new>
#include <utility>

#include "engine/check.hpp"
#include "retinaface/cli/picture_file.hpp"
#include "retinaface/cli/side_by_side.hpp"
#include "retinaface/cli/stopwatch.hpp"
#include "retinaface/cli/terminal.hpp"

namespace rf::cli {

namespace {

struct Picture {
  Index bytes = 0;
  PictureFile file;
  Image image;
  ImageResult result;
  std::unique_ptr<PictureMeshes> meshes;
  std::string mesh_json;
  std::vector<OutputFiles::Output> outputs;
  std::vector<std::string> said;
  bool written = true;
};

// Runs one step for a picture; what is wrong with the picture ends up in its result.
template <class Step>
void attempt(Picture& picture, Step&& step) {
  ImageResult& result = picture.result;
  if (!result.error.empty()) return;
  try {
    step();
  } catch (const Error& error) {
    result.error = with_path(result.path, error.what());
  } catch (const std::bad_alloc&) {
    result.error =
        with_path(result.path, "not enough memory for this image; --size long:1024 needs less");
  }
  if (!result.error.empty()) result.faces.clear();
}

std::unique_ptr<Picture> next_picture(const DetectRun& run) {
  std::optional<Input> input = run.inputs.next();
  if (!input) return nullptr;
  auto picture = std::make_unique<Picture>();
  picture->result.path = std::move(input->path);
  picture->result.error = std::move(input->error);
  attempt(*picture, [&] {
    const Stopwatch watch;
    picture->file = open_picture(picture->result.path, run.decode);
    picture->result.times.decode = watch.milliseconds();
    picture->bytes =
        picture_memory(picture->file, run.pipeline.size_rule().canvas(picture->file.stored_size()));
  });
  return picture;
}

void find_faces(const DetectRun& run, Picture& picture) {
  attempt(picture, [&] {
    ImageResult& result = picture.result;
    const Stopwatch watch;
    picture.image = picture.file.decode(run.decode);
    result.times.decode += watch.milliseconds();
    result.size = {picture.image.width, picture.image.height};
    if (run.meshes)
      picture.meshes = run.meshes->find(run.pipeline, picture.image, result.faces, result.times);
    else
      result.faces = run.pipeline.detect(picture.image, &result.times);
    require_finite(result.faces);
  });
  picture.file = {};
  if (!run.files.draws() || !picture.result.error.empty()) picture.image = {};
  // As many again for a drawing, once more with meshes, and twice for its encoder.
  picture.bytes = (picture.meshes ? 5 : 4) * static_cast<Index>(picture.image.rgb.size()) +
                  (picture.meshes ? picture.meshes->bytes() : 0);
}

void claim_files(const DetectRun& run, Picture& picture) {
  if (!picture.result.error.empty()) return;
  picture.outputs = run.files.claim(picture.result.path, picture.result.faces.size());
}

void write_files(const DetectRun& run, Picture& picture) {
  picture.written = run.files.write(picture.outputs,
                                    {.input = picture.result.path,
                                     .image = picture.image,
                                     .faces = picture.result.faces,
                                     .meshes = picture.meshes.get()},
                                    picture.said);
  if (run.meshes) picture.mesh_json = run.meshes->json(picture.result, picture.meshes.get());
  picture.image = {};
  picture.meshes.reset();
  picture.bytes = static_cast<Index>(picture.mesh_json.size());
}

void report(const DetectRun& run, const Picture& picture, DetectCounts& counts) {
  const ImageResult& result = picture.result;
  if (!result.error.empty()) say(result.error);
  for (const std::string& line : picture.said) say(line);
  run.results.add(result);
  if (run.meshes) run.meshes->add(picture.mesh_json);
  ++(result.error.empty() && picture.written ? counts.succeeded : counts.failed);
  run.progress.step(counts.succeeded + counts.failed);
}

}  // namespace

DetectCounts detect_pictures(const DetectRun& run, int jobs) {
  DetectCounts counts;
  SideBySide<Picture> pictures(
      jobs, jobs * kMemoryPerJob, [&] { return next_picture(run); },
      {{.in_order = false, .run = [&](Picture& picture) { find_faces(run, picture); }},
       {.in_order = true, .run = [&](Picture& picture) { claim_files(run, picture); }},
       {.in_order = false, .run = [&](Picture& picture) { write_files(run, picture); }},
       {.in_order = true, .run = [&](Picture& picture) { report(run, picture, counts); }}});
  run.results.begin();
  pictures.run(run.interrupt);
  run.results.end();
  return counts;
}

}  // namespace rf::cli
