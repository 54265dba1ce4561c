#include "engine/file.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "engine/check.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string text_of(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte b : bytes) text.push_back(static_cast<char>(b));
  return text;
}

Index files_in(const TemporaryFolder& folder) {
  return std::distance(std::filesystem::directory_iterator(folder.path()), {});
}

void put(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// f throws a FileError of one line that begins with the path and holds the reason.
template <class F>
void check_file_error(F&& f, const std::string& path, const std::string& reason) {
  std::string text;
  try {
    f();
  } catch (const FileError& error) {
    text = error.what();
  }
  CAPTURE(text, path, reason);
  CHECK(text.starts_with(path + ": "));
  CHECK(text.find(reason) != std::string::npos);
  CHECK(text.find('\n') == std::string::npos);
}

}  // namespace

TEST_CASE("read_file and MappedFile: give the bytes, also none", "[file]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a"), empty = folder.file("empty");
  put(path, std::string("one\0two\n", 8));
  put(empty, "");
  CHECK(text_of(read_file(path, 8)) == std::string("one\0two\n", 8));
  CHECK(text_of(MappedFile::open(path)->bytes()) == std::string("one\0two\n", 8));
  CHECK(read_file(empty, 0).empty());
  CHECK(MappedFile::open(empty)->bytes().empty());
}

TEST_CASE("read_file: refuses one byte more than asked for, and says both sizes", "[file]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a");
  put(path, "12345");
  CHECK(read_file(path, 5).size() == 5);
  check_file_error([&] { (void)read_file(path, 4); }, path, "5 bytes, at most 4");
}

TEST_CASE("read_file and MappedFile: refuse what is no regular file, without waiting", "[file]") {
  const TemporaryFolder folder;
  const std::string fifo = folder.file("fifo"), none = folder.file("none"),
                    directory = folder.path().string();
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  check_file_error([&] { (void)read_file(fifo, 100); }, fifo, "not a regular file");
  check_file_error([&] { (void)MappedFile::open(fifo); }, fifo, "not a regular file");
  check_file_error([&] { (void)read_file(directory, 100); }, directory, "directory");
  check_file_error([&] { (void)MappedFile::open(directory); }, directory, "directory");
  check_file_error([&] { (void)read_file(none, 100); }, none, "No such file");
  check_file_error([&] { (void)MappedFile::open(none); }, none, "No such file");
  check_file_error([&] { (void)read_file("/dev/null", 100); }, "/dev/null", "not a regular file");
  check_file_error([&] { (void)read_file("", 100); }, "", "cannot open");
}

TEST_CASE("read_file: an unreadable file is an error that names it", "[file]") {
  if (::geteuid() == 0) return skip("root reads every file: no unreadable one can be made");
  const TemporaryFolder folder;
  const std::string path = folder.file("secret");
  put(path, "x");
  REQUIRE(::chmod(path.c_str(), 0) == 0);
  check_file_error([&] { (void)read_file(path, 100); }, path, "Permission denied");
}

TEST_CASE("MappedFile: the bytes outlive the name", "[file]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a");
  put(path, "still here");
  const auto mapped = MappedFile::open(path);
  std::filesystem::remove(path);
  CHECK(text_of(mapped->bytes()) == "still here");
}

TEST_CASE("AtomicFile: appears complete at commit, not before", "[file]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  {
    AtomicFile file(path, IfExists::refuse);
    file.write("first ");
    CHECK_FALSE(std::filesystem::exists(path));
    file.write("second");
    file.commit();
    CHECK(text_of(path) == "first second");
  }
  CHECK(files_in(folder) == 1);
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  CHECK((info.st_mode & 0777) == (0666 & ~mask));  // as any new file
}

TEST_CASE("AtomicFile: without commit it leaves nothing behind and touches nothing", "[file]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  put(path, "old");
  {
    AtomicFile file(path, IfExists::replace);
    file.write("new");
    CHECK(text_of(path) == "old");
  }
  CHECK(text_of(path) == "old");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("AtomicFile: replaces or refuses what exists", "[file]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  write_file(path, std::string("old"), IfExists::refuse);
  check_file_error([&] { write_file(path, std::string("new"), IfExists::refuse); }, path,
                   "--overwrite");
  CHECK(text_of(path) == "old");
  write_file(path, std::string("new"), IfExists::replace);
  CHECK(text_of(path) == "new");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("AtomicFile: a file made by another meanwhile is not overwritten", "[file]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  {
    AtomicFile file(path, IfExists::refuse);
    file.write("mine");
    put(path, "theirs");
    check_file_error([&] { file.commit(); }, path, "exists already");
  }
  CHECK(text_of(path) == "theirs");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("AtomicFile: a dangling link is refused as something that exists, or replaced",
          "[file]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("link");
  std::filesystem::create_symlink(folder.file("nowhere"), path);
  check_file_error([&] { write_file(path, std::string("x"), IfExists::refuse); }, path,
                   "exists already");
  CHECK(files_in(folder) == 1);
  write_file(path, std::string("x"), IfExists::replace);
  CHECK(text_of(path) == "x");
  CHECK_FALSE(std::filesystem::exists(folder.file("nowhere")));
}

TEST_CASE("AtomicFile: no folder, or a folder of that name, is an error that leaves nothing",
          "[file]") {
  const TemporaryFolder folder;
  const std::string nowhere = folder.file("missing/out"), directory = folder.file("sub");
  std::filesystem::create_directory(directory);
  check_file_error([&] { AtomicFile(nowhere, IfExists::refuse); }, nowhere, "No such file");
  check_file_error([&] { AtomicFile(directory, IfExists::replace); }, directory, "is a directory");
  CHECK(files_in(folder) == 1);
  CHECK(std::filesystem::is_empty(directory));
}

TEST_CASE("AtomicFile: files from many threads all appear, with the rights that the umask leaves",
          "[file]") {
  const TemporaryFolder folder;
  const mode_t before = ::umask(027);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string name = std::to_string(t) + "_" + std::to_string(i);
        write_file(folder.file(name), name, IfExists::refuse);
        write_file(folder.file("shared"), name, IfExists::replace);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(::umask(before) == 027);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    const std::string name = entry.path().filename().string();
    struct stat info {};
    REQUIRE(::stat(entry.path().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0640);
    if (name != "shared") CHECK(text_of(entry.path().string()) == name);
    ++files;
  }
  CHECK(files == 101);
}

TEST_CASE("AtomicFile: a full disk is an error and leaves nothing", "[file]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  std::string failure;
  try {
    const FullDisk full(1000);
    write_file(path, std::string(5000, 'x'), IfExists::refuse);
  } catch (const FileError& error) {
    failure = error.what();
  }
  CAPTURE(failure);
  CHECK(failure.starts_with(path + ": cannot write"));
  CHECK(files_in(folder) == 0);
}

TEST_CASE("write_file: any length, also none", "[file]") {
  const TemporaryFolder folder;
  for (const std::size_t n : {0U, 1U, 4096U, 3000000U}) {
    const std::string path = folder.file(std::to_string(n)), text(n, 'y');
    write_file(path, text, IfExists::refuse);
    CHECK(text_of(path) == text);
  }
}

}  // namespace rf::test
