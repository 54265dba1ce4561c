// How large the network sees a picture (detect --size).
#pragma once

#include <string>

#include "engine/shape.hpp"

namespace rf {

struct ImageSize {
  Index width = 0, height = 0;
  friend bool operator==(const ImageSize&, const ImageSize&) = default;
};

// original           the picture as it is
// long:N             the longer side becomes N pixels, the ratio kept
// short:N[:MAX]      the shorter side becomes N, but the longer at most MAX
// scale:F            both sides become F times as long, 0.01 <= F <= 100
// WxH                exactly W x H: the picture is scaled by the smaller of the two ratios into the
// upper left corner,
//                    and the rest is filled with the mean colour, so that faces keep their shape
class SizeRule {
 public:
  // Throws UsageError, naming the five forms, for anything else, or numbers outside 1 .. 65536.
  [[nodiscard]] static SizeRule parse(const std::string& text);

  // What the picture is scaled to, each side rounded to nearest and at least 1.
  [[nodiscard]] ImageSize scaled(ImageSize picture) const;

  // What the network sees: scaled, or W x H.
  [[nodiscard]] ImageSize canvas(ImageSize picture) const;

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  enum class Kind { original, longer, shorter, factor, exact };
  Kind kind_ = Kind::original;
  Index a_ = 0, b_ = 0;  // N and MAX (0: none), or W and H
  double factor_ = 1;
  std::string text_ = "original";
};

}  // namespace rf
