#include "retinaface/size_rule.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "engine/check.hpp"

namespace rf {

namespace {

constexpr Index kMaxSide = 65536;

std::optional<Index> parse_side(std::string_view text) {
  Index value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size() || value < 1 || value > kMaxSide)
    return std::nullopt;
  return value;
}

std::optional<double> parse_factor(std::string_view text) {
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size() || !(value >= 0.01 && value <= 100))
    return std::nullopt;
  return value;
}

Index rounded_side(Index side, double scale) {
  return std::max<Index>(1,
                         static_cast<Index>(std::floor(static_cast<double>(side) * scale + 0.5)));
}

}  // namespace

SizeRule SizeRule::parse(const std::string& text) {
  SizeRule rule;
  rule.text_ = text;
  if (text == "original") return rule;
  const std::string_view all = text;
  const auto set = [&](Kind kind, std::optional<Index> a, std::optional<Index> b) {
    rule.kind_ = kind;
    rule.a_ = a.value_or(0);
    rule.b_ = b.value_or(0);
    return a && b;
  };
  bool valid = false;
  if (all.starts_with("long:")) {
    valid = set(Kind::longer, parse_side(all.substr(5)), 0);
  } else if (all.starts_with("short:")) {
    const std::string_view numbers = all.substr(6);
    const std::size_t colon = numbers.find(':');
    valid = colon == std::string_view::npos
                ? set(Kind::shorter, parse_side(numbers), 0)
                : set(Kind::shorter, parse_side(numbers.substr(0, colon)),
                      parse_side(numbers.substr(colon + 1)));
  } else if (all.starts_with("scale:")) {
    const std::optional<double> factor = parse_factor(all.substr(6));
    rule.kind_ = Kind::factor;
    rule.factor_ = factor.value_or(1);
    valid = factor.has_value();
  } else if (const std::size_t x = all.find('x'); x != std::string_view::npos) {
    valid = set(Kind::exact, parse_side(all.substr(0, x)), parse_side(all.substr(x + 1)));
  }
  if (!valid) {
    throw UsageError(
        message("size '", text,
                "': write original, long:N, short:N, short:N:MAX or WxH with numbers from 1 to ",
                kMaxSide, ", or scale:F with F from 0.01 to 100"));
  }
  return rule;
}

ImageSize SizeRule::scaled(ImageSize picture) const {
  RF_CHECK_SHAPE(picture.width >= 1 && picture.height >= 1, "size", "a picture of ", picture.width,
                 "x", picture.height, " has no pixels");
  const auto width = static_cast<double>(picture.width),
             height = static_cast<double>(picture.height);
  const auto a = static_cast<double>(a_), b = static_cast<double>(b_);
  double scale = 1;
  switch (kind_) {
    case Kind::original: return picture;
    case Kind::longer: scale = a / std::max(width, height); break;
    case Kind::shorter:
      scale = a / std::min(width, height);
      if (b_ > 0) scale = std::min(scale, b / std::max(width, height));
      break;
    case Kind::factor: scale = factor_; break;
    case Kind::exact: scale = std::min(a / width, b / height); break;
  }
  // A thin picture could grow without bound along its other side: 1 x 4000 at short:640.
  scale = std::min(scale, static_cast<double>(kMaxSide) / std::max(width, height));
  return {rounded_side(picture.width, scale), rounded_side(picture.height, scale)};
}

ImageSize SizeRule::canvas(ImageSize picture) const {
  return kind_ == Kind::exact ? ImageSize{a_, b_} : scaled(picture);
}

}  // namespace rf
