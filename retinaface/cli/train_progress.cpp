#include "retinaface/cli/train_progress.hpp"

#include <cmath>

#include "engine/check.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/training/learner.hpp"

namespace rf::cli {

std::string duration_text(double seconds) {
  const auto s = static_cast<Index>(std::llround(seconds));
  if (s < 60) return message(s, " s");
  if (s < 3600) return message((s + 30) / 60, " min");
  const Index minutes = (s + 30) / 60;
  return message(minutes / 60, " h ", minutes % 60 < 10 ? "0" : "", minutes % 60, " min");
}

void TrainProgress::begun(const Learner& learner, const TrainingData& data, Index step,
                          Index steps) {
  first_ = step;
  steps_ = steps;
  watch_ = Stopwatch();
  data_ = &data;
  constexpr std::size_t kSaid = 20;
  for (std::size_t i = 0; i < std::min(kSaid, data.problems.size()); ++i) {
    const LabelProblem& problem = data.problems[i];
    say(message(problem.file, ":", problem.line, ": ", problem.text));
  }
  if (data.problems.size() > kSaid)
    say(message("and ", data.problems.size() - kSaid, " more lines; --check-data lists them all"));
  if (!data.problems.empty())
    notes_.push_back(message(data.problems.size(), " lines of the labels were left out, the first ",
                             data.problems.front().file, ":", data.problems.front().line));
  if (quiet_) return;
  say(message(data.train.pictures(), " pictures, ", data.train.epoch_size(), " an epoch; ",
              data.validation.size(), " for validation; ", learner.parameter_count(),
              " numbers to learn; step ", step, " of ", steps, "; everything goes to ",
              run_.folder));
  bar_ = std::make_unique<Progress>("train", steps - step, true);
}

void TrainProgress::stepped(Index step) {
  if (bar_) bar_->step(step - first_);
}

void TrainProgress::logged(const MetricsRow& row) {
  if (quiet_) return;
  const double seconds_a_step =
      watch_.milliseconds() / 1000 / static_cast<double>(std::max<Index>(row.step - first_, 1));
  double left = seconds_a_step * static_cast<double>(steps_ - row.step);
  if (run_.minutes > 0) left = std::min(left, 60 * run_.minutes - watch_.milliseconds() / 1000);
  const std::string teacher =
      options_.teacher.empty() ? "" : message(", teacher ", fixed(row.teacher, 3));
  const std::string dense = options_.dense.empty() ? "" : message(", dense ", fixed(row.dense, 3));
  say(message("step ", row.step, "/", steps_, "  epoch ", fixed(row.epoch, 2), "  loss ",
              fixed(row.loss, 3), " (faces ", fixed(row.cls, 3), ", boxes ", fixed(row.box, 3),
              ", landmarks ", fixed(row.landmark, 3), teacher, dense, ")  rate ",
              fixed(row.learning_rate, 5), "  gradient ", fixed(row.grad_norm, 2), "  ",
              fixed(row.seconds_per_image * 1000, 1), " ms/picture, ",
              fixed(row.wait_share * 100, 0), " % waiting  ", duration_text(std::max(left, 0.0)),
              " left"));
}

void TrainProgress::validated(const ValidationRow& row, const Validation& found) {
  for (const auto& [path, why] : found.unreadable) {
    if (unreadable_.insert(path).second) say(with_path(path, why));  // once, not every time
  }
  report_.take(*data_, found);
  if (quiet_) return;
  say(message("step ", row.step, ": AP ", fixed(row.ap * 100, 2), " %, ",
              fixed(row.recall * 100, 2), " % of ", row.faces, " faces found"));
}

void TrainProgress::saved(const std::string&) { write_report("running"); }

// A page that cannot be written must not end a training.
void TrainProgress::write_report(const std::string& status) {
  std::vector<std::string> notes = notes_;
  if (skipped_ > 0)
    notes.push_back(message(skipped_, " steps were left out: a loss or gradient was not finite"));
  try {
    report_.write(status, notes);
  } catch (const Error& error) {
    say(message("note: no report: ", error.what()));
  }
}

void TrainProgress::skipped(Index step) {
  if (++skipped_ > 20) return;
  say(message("step ", step, " was left out: its loss or gradient is not finite"));
}

void TrainProgress::finish(const TrainingResult& result) {
  bar_.reset();
  for (const auto& [path, why] : result.unreadable) {
    say(with_path(path, why));
    notes_.push_back(message("Left out: ", with_path(path, why)));
  }
  if (!result.unreadable.empty())
    say(message(result.unreadable.size(), " pictures could not be read and were left out"));
  const char* how = "";
  switch (result.end) {
    case TrainingEnd::finished: how = "finished"; break;
    case TrainingEnd::stopped: how = "stopped"; break;
    case TrainingEnd::out_of_time: how = "time is up"; break;
    case TrainingEnd::learned: how = "all learned"; break;
  }
  write_report(message(how, " after step ", result.step, " of ", result.steps));
  if (quiet_) return;
  std::string best;
  if (result.best_step > 0)
    best = message("; best AP ", fixed(result.best_ap * 100, 2), " % at step ", result.best_step,
                   ": ", run_.folder, "/best.safetensors");
  say(message(how, " after step ", result.step, " of ", result.steps, best));
  if (result.step < result.steps && result.end != TrainingEnd::learned)
    say(message("go on with: retinaface train --resume ", run_.folder));
}

}  // namespace rf::cli
