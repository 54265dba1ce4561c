// The model that the build linked in. While none is there, what needs one is skipped.
#include "weights/embedded_model.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <filesystem>

#include "engine/file.hpp"
#include "tests/support.hpp"
#include "weights/model_file.hpp"

namespace rf {
namespace {

TEST_CASE("embedded model: is the file that the build was given, byte for byte") {
  const auto embedded = embedded_model();
  CHECK(embedded.has_value() == std::filesystem::exists(RF_EMBED_MODEL));
  if (!embedded) return test::skip("no model is built in");
  CHECK(std::ranges::equal(*embedded, read_file(RF_EMBED_MODEL, Index{1} << 30)));
}

TEST_CASE("embedded model: every tensor is used where it lies, none is copied") {
  const auto embedded = embedded_model();
  if (!embedded) return test::skip("no model is built in");
  CHECK(reinterpret_cast<std::uintptr_t>(embedded->data()) % 64 == 0);
  const ModelFile model = read_model(*embedded, kEmbeddedModelName, nullptr);
  CHECK(model.tensors.size() > 100);
  for (const auto& [name, tensor] : model.tensors) {
    CAPTURE(name);
    const auto* begin = static_cast<const std::byte*>(tensor.raw());
    CHECK(begin >= embedded->data());
    CHECK(begin + tensor.bytes() <= embedded->data() + embedded->size());
  }
}

}  // namespace
}  // namespace rf
