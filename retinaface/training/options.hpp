// Every choice that the result of a training depends on, under the name of its flag. Defaults are
// those of the paper (sections 4.2 and 4.8); where it is silent, the field says so.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "retinaface/data/loader.hpp"
#include "retinaface/networks.hpp"

namespace rf {

struct TrainingOptions {
  std::vector<std::string> data;  // folders, each with ":WEIGHT" behind it or not
  std::string backbone = "mobilenet0.25";
  std::string network = "three-level", deformable = "auto", stem = "3x3";  // NetworkChoice
  std::string init;     // a file with a backbone or a whole detector; empty: random weights
  std::string teacher;  // a detector to learn from beside the labels; empty: none
  std::string dense;    // a file of the dense branch to train along; empty: none
  std::uint64_t seed = 1;

  double epochs = 80;
  Index batch = 32;  // 4 GPUs of 8 pictures
  std::vector<Index> sizes{640};

  std::string schedule = "step";  // step, cosine or constant
  double lr = 1e-2, lr_start = 1e-3, lr_end = 0;
  double warm_up = 5;  // epochs
  std::vector<double> lr_drops{55, 68};
  double momentum = 0.9, weight_decay = 5e-4;
  // Whether batch norm and biases decay too. The paper does not say; decay of weights alone is what
  // the calibration runs used, and MXNet does for biases.
  bool decay_all = false;
  double clip = 0;               // largest gradient norm; 0: any (the paper does not clip)
  double ema = 0;                // decay of averaged weights; 0: none, as in the paper
  Index freeze = 2;              // first convolutions that stay as they are (section 4.8)
  bool skip_non_finite = false;  // leave out steps whose loss is not finite; else they end the run

  double box_weight = 0.25, landmark_weight = 0.1;  // lambda 1 and 2 of equation (1)
  double dense_weight = 0.01;                       // lambda 3
  double positive_iou = 0.5, negative_iou = 0.3;
  double teacher_weight = 1;
  double teacher_features = 0;  // beside its outputs, its feature maps; 0: outputs alone

  std::vector<double> crop{0.3, 1};  // smallest and largest, of the short edge
  double mirror = 0.5;
  bool photometric = true;
  double mosaic = 0;
  double min_face = 0;

  Index holdout = 64;      // pictures of the first folder kept for validation
  std::string validation;  // or a folder of its own
  Index overfit = 0;       // learn this many pictures by heart, whole and unchanged
};

// What for_each_option() calls for each of them.
template <class Options, class F>
void for_each_option(Options& o, F&& f) {
  f("data", o.data, "Folder with label.txt and images/, or FOLDER:WEIGHT to mix several");
  f("backbone", o.backbone,
    "Network body: mobilenet0.25, resnet18, resnet34, resnet50, resnet101 or resnet152");
  f("network", o.network,
    "three-level: P3 to P5 as in the public releases; paper: P2 to P6 on a ResNet");
  f("deformable", o.deformable,
    "3x3 layers of pyramid and context modules: none, v1, v2, or auto: as the network has it");
  f("stem", o.stem, "First layer of mobilenet0.25: 3x3, or the 7x7 of stride 4 of section 4.8");
  f("init", o.init, "File with weights to begin with: a backbone, or a whole detector");
  f("teacher", o.teacher, "Detector whose outputs are learned beside the labels");
  f("dense", o.dense, "File of a decoder, or of a whole dense branch, to train along");
  f("seed", o.seed, "Of all random numbers");
  f("epochs", o.epochs, "Length of the training; fractions count");
  f("batch", o.batch, "Pictures per step");
  f("size", o.sizes, "Side of the network's picture; of several, each step draws one");
  f("schedule", o.schedule, "Of the learning rate: step, cosine or constant");
  f("lr", o.lr, "Learning rate after the warm-up");
  f("lr-start", o.lr_start, "Learning rate at the beginning of the warm-up");
  f("lr-end", o.lr_end, "Learning rate at the end of the cosine");
  f("warm-up", o.warm_up, "Epochs in which the learning rate rises");
  f("lr-drops", o.lr_drops, "Epochs at which the step schedule divides it by 10");
  f("momentum", o.momentum, "Of SGD");
  f("weight-decay", o.weight_decay, "Of SGD");
  f("decay-all", o.decay_all, "Batch norm and biases decay too");
  f("clip", o.clip, "Largest norm of the gradient; 0: no limit");
  f("ema", o.ema, "Decay of the average of weights that is kept as the model; 0: the weights");
  f("freeze", o.freeze, "First convolutions of the backbone that do not learn");
  f("skip-non-finite", o.skip_non_finite, "Leave out steps with a loss that is not finite");
  f("box-weight", o.box_weight, "Lambda 1 of the loss");
  f("landmark-weight", o.landmark_weight, "Lambda 2 of the loss");
  f("dense-weight", o.dense_weight, "Lambda 3, of the dense branch's pixel loss");
  f("positive-iou", o.positive_iou, "An anchor is a face above this overlap");
  f("negative-iou", o.negative_iou, "And background below this one");
  f("teacher-weight", o.teacher_weight, "Of the loss against the teacher");
  f("teacher-features", o.teacher_features,
    "And of the distance to its feature maps, which needs a teacher of the same form");
  f("crop", o.crop, "Smallest and largest crop, of the picture's short edge");
  f("mirror", o.mirror, "Probability");
  f("photometric", o.photometric, "Distort colours");
  f("mosaic", o.mosaic, "Probability of a mosaic of four pictures");
  f("min-face", o.min_face, "Smaller faces are ignored, pixels of the network's picture");
  f("holdout", o.holdout, "Pictures of the first folder kept for validation");
  f("val", o.validation, "Folder for validation instead");
  f("overfit", o.overfit, "Learn this many pictures by heart, whole and unchanged");
}

// A JSON object with every option under its name.
[[nodiscard]] std::string to_json(const TrainingOptions& options);
// An option that came later than the file has its default, what was meant before there was a
// choice. Throws FormatError, beginning with `name`: not such an object, a value of another type,
// any other option that is missing, an unknown one.
[[nodiscard]] TrainingOptions parse_training_options(const std::string& json,
                                                     const std::string& name);

// Names and values of options, for people.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> described(
    const TrainingOptions& options);

// Throws UsageError, naming the option, unless each makes sense and can be written as JSON.
void check(const TrainingOptions& options);

// The network that is to learn. Throws UsageError, naming the option.
[[nodiscard]] ModelConfig network_config(const TrainingOptions& options);

[[nodiscard]] BatchOptions batch_options(const TrainingOptions& options);

// Learning rate as a function of the epoch. Throws UsageError.
[[nodiscard]] std::function<double(double)> learning_rate(const TrainingOptions& options);

}  // namespace rf
