// A small font for pictures with results: 5 x 7 cells, drawn for this project.
#pragma once

#include <array>
#include <cstdint>

namespace rf {

inline constexpr int kGlyphColumns = 5, kGlyphRows = 7, kGlyphAdvance = 6;

struct Glyph {
  char character;
  std::array<std::uint8_t, kGlyphRows> rows;  // bit 4 is the left column
};

// clang-format off
inline constexpr std::array kGlyphs{
    Glyph{'0', {0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110}},
    Glyph{'1', {0b00100, 0b01100, 0b10100, 0b00100, 0b00100, 0b00100, 0b11111}},
    Glyph{'2', {0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111}},
    Glyph{'3', {0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110}},
    Glyph{'4', {0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010}},
    Glyph{'5', {0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110}},
    Glyph{'6', {0b01110, 0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110}},
    Glyph{'7', {0b11111, 0b00001, 0b00010, 0b00010, 0b00100, 0b00100, 0b00100}},
    Glyph{'8', {0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110}},
    Glyph{'9', {0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00001, 0b01110}},
    Glyph{'.', {0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b01100, 0b01100}},
    Glyph{'a', {0b00000, 0b00000, 0b01110, 0b00001, 0b01111, 0b10001, 0b01111}},
    Glyph{'c', {0b00000, 0b00000, 0b01111, 0b10000, 0b10000, 0b10000, 0b01111}},
    Glyph{'e', {0b00000, 0b00000, 0b01110, 0b10001, 0b11111, 0b10000, 0b01111}},
    Glyph{'f', {0b00011, 0b00100, 0b01110, 0b00100, 0b00100, 0b00100, 0b00100}},
    Glyph{'o', {0b00000, 0b00000, 0b01110, 0b10001, 0b10001, 0b10001, 0b01110}},
    Glyph{'r', {0b00000, 0b00000, 0b10111, 0b11000, 0b10000, 0b10000, 0b10000}},
    Glyph{'s', {0b00000, 0b00000, 0b01111, 0b10000, 0b01110, 0b00001, 0b11110}},
};
// clang-format on

}  // namespace rf
