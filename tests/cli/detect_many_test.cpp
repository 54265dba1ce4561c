// detect over many images: side by side, with the bytes of one after another.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>

#include "engine/image.hpp"
#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/model_fixture.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

namespace fs = std::filesystem;

// A model and a folder of pictures of many sizes, some of which cannot be read.
struct Album {
  TemporaryFolder folder;
  std::string model = folder.file("model.safetensors"), photos = folder.file("photos");

  explicit Album(Index count) {
    write_random_model(model);
    fs::create_directory(photos);
    for (Index i = 0; i < count; ++i)
      put(photo(i), i % 7 == 3 ? "no picture" : noise_ppm(1 + i * 13 % 61, 1 + i * 29 % 47, 1));
  }
  [[nodiscard]] std::string photo(Index i) const {
    return photos + "/" + std::to_string(100 + i) + ".ppm";
  }
  [[nodiscard]] Outcome detect(std::vector<std::string> arguments,
                               const RunOptions& options = {}) const {
    arguments.insert(arguments.begin(), {"detect", "--model", model});
    return run_program(arguments, options);
  }
  // Through bash: `script` with $P for the program, $M for the model, $D for the folder.
  [[nodiscard]] int bash(const std::string& script) const {
    put(folder.file("script"), "P=" RF_CLI_BINARY "\nM=" + model + "\nD=" + photos + "\n" + script);
    return WEXITSTATUS(std::system(("bash " + folder.file("script")).c_str()));
  }
};

std::map<std::string, std::string> contents(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), folder).string()] = get(entry.path().string());
  }
  return files;
}

std::string lines_of(const Outcome& outcome) {
  std::string text;
  for (const std::string& line : outcome.complaints()) text += line + "\n";
  return text;
}

}  // namespace

TEST_CASE("many: stdout, messages and files are the same bytes for any number of jobs") {
  const Album album(24);
  const std::string out = album.folder.file("out");
  const std::vector<std::string> flags{
      "--csv",        "--draw",  out + "/drawn", "--crops",      out + "/crops", "--wider",
      out + "/wider", "--score", "0.7",          album.photo(3), album.photos};  // one comes twice
  std::string csv, messages;
  std::map<std::string, std::string> files;
  for (const char* jobs : {"1", "2", "4", "24"}) {
    CAPTURE(jobs);
    fs::remove_all(out);
    std::vector<std::string> arguments = flags;
    arguments.insert(arguments.end(), {"--jobs", jobs, "--threads", "2"});
    const Outcome outcome = album.detect(arguments);
    CHECK(outcome.exit_code == 1);
    if (files.empty()) {
      csv = outcome.out;
      messages = lines_of(outcome);
      files = contents(out);
      CHECK(files.size() > 40);
      CHECK(messages.find(album.photo(10) + ": not a picture") != std::string::npos);
    }
    CHECK(outcome.out == csv);
    CHECK(lines_of(outcome) == messages);
    CHECK(contents(out) == files);
  }
}

TEST_CASE("many: of two inputs with one output name the second fails, whichever is done first",
          "[long]") {
  const Album album(0);
  const std::string slow = album.folder.file("one/x.ppm"), fast = album.folder.file("two/x.ppm");
  for (const std::string& path : {slow, fast}) fs::create_directories(fs::path(path).parent_path());
  put(slow, noise_ppm(600, 500));
  put(fast, noise_ppm(8, 8));
  const std::string drawn = album.folder.file("drawn");
  const Outcome outcome = album.detect({slow, fast, "--jobs", "2", "--draw", drawn});
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err.find("already written for " + slow) != std::string::npos);
  // A first that cannot be read takes no name.
  put(slow, "no picture");
  CHECK(album.detect({slow, fast, "--jobs", "2", "--draw", drawn, "--overwrite"})
            .err.find("wrote " + drawn + "/x.png") != std::string::npos);
}

TEST_CASE("many: the speed is told once, unless there is one image or --quiet", "[long]") {
  const Album album(3);
  const auto told = [&](std::vector<std::string> arguments) {
    const std::string err = album.detect(std::move(arguments)).err;
    const std::size_t at = err.find(" images in ");
    CHECK((at == std::string::npos || err.find(" images in ", at + 1) == std::string::npos));
    return at == std::string::npos ? "" : err.substr(err.rfind('\n', at) + 1);
  };
  const std::string line = told({album.photos, "--threads", "2"});
  CHECK(line.starts_with("retinaface: 3 images in "));
  CHECK(line.ends_with(" images/s, 2 jobs x 1 thread\n"));
  CHECK(told({album.photos, "--threads", "2", "--jobs", "1"})
            .ends_with(" images/s, 1 job x 2 threads\n"));
  CHECK(told({album.photos, "--threads", "64"}).ends_with(" images/s, 3 jobs x 1 thread\n"));
  CHECK(told({album.photo(0)}).empty());
  CHECK(told({album.photos, "-q"}).empty());
}

TEST_CASE("many: more jobs and threads than cores or images are no harm", "[long]") {
  const Album album(3);
  const std::string expected = album.detect({album.photos, "--csv", "--jobs", "1"}).out;
  CHECK(album.detect({album.photos, "--csv", "--jobs", "1024"}).out == expected);
  CHECK(album.detect({album.photos, "--csv", "--jobs", "2", "--threads", "100"}).out == expected);
  CHECK(album.detect({album.photos, "--csv"}, {.environment = {"RF_THREADS=100"}}).out == expected);
  CHECK(album.detect({"-", "--csv", "--jobs", "50"}, {.input = album.photos + "\n"}).out ==
        expected);
}

TEST_CASE("many: a list on standard input is answered line by line") {
  const Album album(3);
  CHECK(album.bash("coproc R { exec $P detect --model $M - --jsonl -q --jobs 4; }\n"
                   "for photo in $D/100.ppm $D/101.ppm $D/102.ppm; do\n"
                   "  echo $photo >&${R[1]}; read -r -t 20 line <&${R[0]} || exit 9\n"
                   "  [[ $line == *\"$photo\"* ]] || exit 8\n"
                   "done\n"
                   "eval \"exec ${R[1]}>&-\"; wait $R_PID") == 0);
}

TEST_CASE("many: results that cannot be written end the run although the list goes on") {
  if (!fs::exists("/dev/full")) return skip("/dev/full");
  const Album album(2);
  REQUIRE(::mkfifo(album.folder.file("list").c_str(), 0600) == 0);
  CHECK(album.bash(
            "exec 3<>" + album.folder.file("list") +
            "; echo $D/100.ppm >&3; echo $D/101.ppm >&3\n"
            "timeout 20 $P detect --model $M - --jsonl -q --jobs 2 <&3 >/dev/full 2>/dev/null") ==
        3);
}

TEST_CASE("many: an interrupted run leaves no file half written") {
  const Album album(0);
  for (Index i = 0; i < 40; ++i) put(album.photo(i), noise_ppm(200, 150, 2));
  const std::string drawn = album.folder.file("drawn");
  const Outcome outcome = run_program_and_signal(
      {"detect", "--model", album.model, album.photos, "--jobs", "3", "--draw", drawn}, SIGINT,
      drawn + "/101.png");
  CHECK((outcome.exit_code == -SIGINT || outcome.exit_code == 0));  // 0: it was done before
  for (const auto& entry : fs::directory_iterator(drawn)) {
    if (entry.path().extension() == ".png") CHECK(read_image(entry.path().string()).height >= 150);
  }
}

}  // namespace rf::test
