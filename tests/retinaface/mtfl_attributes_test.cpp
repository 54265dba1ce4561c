#include "retinaface/data/mtfl_attributes.hpp"

#include <catch2/catch.hpp>

#include "engine/check.hpp"

TEST_CASE("mtfl: the pose is the last of four numbers behind a path", "[mtfl]") {
  const auto poses = rf::parse_mtfl_poses("images/0001-a.jpg 1 2 2 3\r\n\nb c.jpg 2 1 1 5", "file");
  CHECK(poses.size() == 2);
  CHECK(std::string(rf::kMtflPoses[poses.at("0001-a.jpg")]) == "frontal");
  CHECK(std::string(rf::kMtflPoses[poses.at("b c.jpg")]) == "right profile");
}

TEST_CASE("mtfl: what is no such line is named with its number", "[mtfl][error]") {
  const char* line = GENERATE("a.jpg 1 2 3", "a.jpg 1 2 2 6", "a.jpg 1 2 2 0", "1 2 2 3",
                              " 1 2 2 3", "a.jpg 1 2 2 x", "a.jpg 1 2 2 13");
  CAPTURE(line);
  CHECK_THROWS_WITH(rf::parse_mtfl_poses("b.jpg 1 2 2 3\n" + std::string(line), "file"),
                    Catch::StartsWith("file:2: "));
  CHECK_THROWS_AS(rf::parse_mtfl_poses(line, "file"), rf::FormatError);
}
