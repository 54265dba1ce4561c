#include "engine/world.hpp"

namespace rf {

namespace {

class Alone final : public World {
 public:
  [[nodiscard]] int rank() const override { return 0; }
  [[nodiscard]] int size() const override { return 1; }
  void sum(std::span<float>) override {}
  void sum(std::span<double>) override {}
};

World* current = nullptr;

}  // namespace

World& world() {
  static Alone alone;
  return current ? *current : alone;
}

void set_world(World* world) { current = world; }

}  // namespace rf
