#include "retinaface/dense/recognised.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

#include "engine/ops/concat.hpp"
#include "engine/ops/gather.hpp"
#include "retinaface/nms.hpp"

namespace rf {

Recognised recognised(const FaceColumns& found, const std::vector<SyntheticFace>& faces,
                      Index most) {
  constexpr double kSame = 0.5;
  std::vector<Index> by_score(found.faces.size());
  std::iota(by_score.begin(), by_score.end(), Index{0});
  const auto face_at = [&](Index row) { return found.faces[static_cast<std::size_t>(row)]; };
  std::ranges::stable_sort(by_score, std::greater(), [&](Index row) { return face_at(row).score; });
  std::vector<Index> taken(faces.size());
  std::map<Index, const SyntheticFace*> kept;
  for (const Index row : by_score) {
    std::size_t best = 0;
    double overlap = 0;
    for (std::size_t i = 0; i < faces.size(); ++i) {
      const double here = iou(face_box(face_at(row)), faces[i].box, false);
      if (here > overlap) {
        overlap = here;
        best = i;
      }
    }
    if (overlap > kSame && taken[best]++ < most) kept.emplace(row, &faces[best]);
  }
  Recognised result;
  for (const auto& [row, face] : kept) {
    result.rows.push_back(row);
    result.faces.push_back(face);
  }
  return result;
}

FaceColumns chosen(const FaceColumns& columns, const std::vector<Index>& rows) {
  FaceColumns part{.faces = {},
                   .groups = {},
                   .features = gather(columns.features, 0,
                                      Tensor::from({static_cast<Index>(rows.size())},
                                                   std::span<const Index>(rows)))};
  for (const Index row : rows) {
    part.faces.push_back(columns.faces[static_cast<std::size_t>(row)]);
    part.groups.push_back(columns.groups[static_cast<std::size_t>(row)]);
  }
  return part;
}

FaceColumns joined(const std::vector<FaceColumns>& pictures) {
  FaceColumns all;
  std::vector<Tensor> features;
  for (const FaceColumns& picture : pictures) {
    all.faces.insert(all.faces.end(), picture.faces.begin(), picture.faces.end());
    all.groups.insert(all.groups.end(), picture.groups.begin(), picture.groups.end());
    features.push_back(picture.features);
  }
  all.features = concat(features, 0);
  return all;
}

}  // namespace rf
