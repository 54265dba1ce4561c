#include "retinaface/cli/inputs.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "tests/cli/images.hpp"
#include "tests/support.hpp"

namespace rf::cli {

namespace {

struct Expanded {
  std::vector<std::string> paths, errors;
};

Expanded expand_all(const std::vector<std::string>& arguments, const std::string& list = "") {
  std::istringstream stream(list);
  InputQueue queue(arguments, stream);
  Expanded all;
  while (const auto input = queue.next())
    (input->error.empty() ? all.paths : all.errors)
        .push_back(input->error.empty() ? input->path : input->error);
  return all;
}

}  // namespace

TEST_CASE("a folder gives its images and those below, sorted, without hidden and other files") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() / "b" / ".git");
  std::filesystem::create_directories(folder.path() /
                                      "c.jpg");  // a folder with the name of an image
  for (const char* name : {"z.PNG", "a.jpg", "b/1.pgm", "b/.hidden.jpg", "b/.git/x.jpg",
                           "notes.txt", "c.jpg/2.JpEg"}) {
    test::put(folder.file(name), "");
  }
  std::filesystem::create_symlink("nowhere", folder.path() / "dangling.bmp");
  std::filesystem::create_directory_symlink(".", folder.path() / "loop");
  const Expanded all = expand_all({folder.path().string()});
  CHECK(all.errors.empty());
  CHECK(all.paths == std::vector<std::string>{folder.file("a.jpg"), folder.file("b/1.pgm"),
                                              folder.file("c.jpg/2.JpEg"),
                                              folder.file("dangling.bmp"), folder.file("z.PNG")});
}

TEST_CASE("a pattern that the shell left alone is expanded; a file of that name wins") {
  const test::TemporaryFolder folder;
  for (const char* name : {"2.png", "1.png", "3.txt"}) test::put(folder.file(name), "");
  CHECK(expand_all({folder.file("*.png")}).paths ==
        std::vector<std::string>{folder.file("1.png"), folder.file("2.png")});
  test::put(folder.file("*.png"), "");
  CHECK(expand_all({folder.file("*.png")}).paths == std::vector<std::string>{folder.file("*.png")});
  const Expanded none = expand_all({folder.file("*.gif"), folder.file("1.png")});
  REQUIRE(none.errors.size() == 1);
  CHECK(none.errors[0] == folder.file("*.gif") + ": no file matches this pattern");
  CHECK(none.paths == std::vector<std::string>{folder.file("1.png")});
}

TEST_CASE("a folder without images is a failed input") {
  const test::TemporaryFolder folder;
  const Expanded all = expand_all({folder.path().string()});
  REQUIRE(all.errors.size() == 1);
  CHECK(all.errors[0].starts_with(folder.path().string() + ": the folder holds no image"));
}

TEST_CASE("a list on standard input may end its lines as Windows does, and need not end its last") {
  const Expanded all = expand_all({"first.jpg", "-", "last.jpg"}, "a.jpg\r\n\nb c.jpg\nd.jpg");
  CHECK(all.paths ==
        std::vector<std::string>{"first.jpg", "a.jpg", "b c.jpg", "d.jpg", "last.jpg"});
}

TEST_CASE("something else than a list on standard input is one error") {
  using namespace std::string_literals;
  const Expanded binary = expand_all({"-", "last.jpg"}, "\xff\xd8\xff\xe0\0\x10JFIF\n\n\n"s);
  CHECK(binary.errors ==
        std::vector<std::string>{
            "standard input: a list of paths is needed, one on each line; this is not text"});
  CHECK(binary.paths == std::vector<std::string>{"last.jpg"});
  CHECK(expand_all({"-"}, std::string(5000, 'x')).errors.size() == 1);
  std::istringstream empty;
  CHECK_THROWS_WITH(InputQueue({"-", "-"}, empty), "-: standard input can be given once");
}

TEST_CASE("the number of inputs is known unless there is a list to read") {
  std::istringstream list("a\nb\n");
  CHECK(InputQueue({"x", "y"}, list).total() == 2);
  CHECK_FALSE(InputQueue({"x", "-"}, list).total().has_value());
}

TEST_CASE("an input knows the folder it lies in") {
  CHECK(parent_folder("val/0--Parade/1.jpg") == "0--Parade");
  CHECK(parent_folder("val/0--Parade/./../1--Run/2.jpg") == "1--Run");
  CHECK(parent_folder("/1.jpg").empty());
  CHECK(parent_folder("1.jpg") == std::filesystem::current_path().filename().string());
}

}  // namespace rf::cli
