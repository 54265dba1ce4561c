#include "retinaface/model.hpp"

#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("network: freezing the backbone's first two convolutions stops nothing else",
          "[model][freeze]") {
  ModelConfig config;
  config.backbone.name = "mobilenet0.25";
  config.anchors = {{8, 4, {16, 32}}, {16, 8, {64, 128}}, {32, 16, {256, 512}}};
  RetinaFace network(config);
  network.freeze_backbone(2);
  network.train();
  Index frozen = 0;
  for (const auto& [name, var] : network.named_parameters()) {
    CAPTURE(name);
    const bool first =
        name.starts_with("backbone.stage1.0.") || name.starts_with("backbone.stage1.1.depthwise.");
    CHECK(var.requires_grad() == !first);
    frozen += first;
  }
  CHECK(frozen == 6);  // two weights, two gammas, two betas
  check_refused<UsageError>([&] { network.freeze_backbone(28); }, {"27", "28"});
}

}  // namespace rf::test
