// The 68 landmarks of a mesh against those of AFLW2000-3D (RetinaFace section 4.6): normalised mean
// error by yaw, as 3DDFA (Zhu et al. 2016) measures it, beside that of the mean face posed by five
// points.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "retinaface/dense/dense_branch.hpp"

namespace rf {

struct Landmarks68 {
  std::string path;                                // of the picture, as the file has it
  double yaw = 0;                                  // degrees
  std::array<std::array<double, 2>, 68> points{};  // pixels of the stored picture

  // The smallest around the points.
  [[nodiscard]] Box box() const;
};

// A text with, for each picture, a line "# PATH pose_para PITCH YAW ROLL ..." (radians, as the
// data set's Pose_Para has them; what follows is not used) and 68 lines "x y z". Throws FileError;
// FormatError "file:line: problem": another line where one of these is due, numbers that are not
// finite, a yaw beyond 180 degrees, points without extent; no picture at all.
[[nodiscard]] std::vector<Landmarks68> read_landmarks68(const std::string& path);
[[nodiscard]] std::vector<Landmarks68> parse_landmarks68(std::string_view text,
                                                         const std::string& name);

// Mean distance in the picture of the mesh's landmarks from their labels, over sqrt(w h) of the
// labels' box. points f32 [V, 3] as DenseFace has them, `landmarks68` the rows of them. Requires 68
// rows that are there.
[[nodiscard]] double landmark_error(const Tensor& points, const std::vector<Index>& landmarks68,
                                    const Landmarks68& labelled);

// Of one face: what the branch says, and the mean face posed by the detector's five points.
struct DenseLandmarkErrors {
  double read = 0, posed = 0;
};

// A detection below answers for no face. Boxes of detections hold foreheads, which those of the
// points do not.
inline constexpr double kLeastLandmarkIou = 0.3;

// Of the detection in `picture` that overlaps the labels' box best; nothing if none does by more
// than kLeastLandmarkIou. Throws ModelError: points that are not finite numbers; what
// DenseBranch::read() throws.
[[nodiscard]] std::optional<DenseLandmarkErrors> landmark_errors(const DenseBranch& branch,
                                                                 const Image& picture,
                                                                 const FaceColumns& found,
                                                                 const Landmarks68& labelled);

struct DenseLandmarkResult {
  double yaw = 0;                             // degrees
  std::optional<DenseLandmarkErrors> errors;  // nothing: missed
};

// Upper ends of the bins of |yaw| in degrees: [0, 30], (30, 60], (60, 90]. A yaw beyond belongs to
// the last.
inline constexpr std::array<double, 3> kYawBins{30, 60, 90};

struct DenseLandmarkSummary {
  struct Bin {
    Index faces = 0, missed = 0;  // missed ones are among the faces
    DenseLandmarkErrors mean;     // over the faces found; 0 without any

    [[nodiscard]] Index found() const { return faces - missed; }
  };
  std::array<Bin, kYawBins.size()> bins;
  Bin all;
  DenseLandmarkErrors of_bins;  // mean of the means of the bins in which faces were found
};
[[nodiscard]] DenseLandmarkSummary summarise(std::span<const DenseLandmarkResult> results);

}  // namespace rf
