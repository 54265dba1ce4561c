// The attributes file of MTFL (Zhang et al. 2014): one line per picture, "path gender smile glasses
// pose", of which the pose is read.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

namespace rf {

inline constexpr const char* kMtflAttributesFile = "attributes_gender_smile_glasses_pose.txt";

// The pose classes 1 .. 5, as MTFL names them.
inline constexpr std::array<const char*, 5> kMtflPoses{"left profile", "left", "frontal", "right",
                                                       "right profile"};

// Picture -> index into kMtflPoses. The folder "images/" in front of a path is left out, as label
// files do. Throws FormatError "file:line: ...": not such a line; `name` is for messages.
[[nodiscard]] std::map<std::string, std::size_t> parse_mtfl_poses(std::string_view text,
                                                                  const std::string& name);

}  // namespace rf
