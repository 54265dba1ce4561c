// The program: verbs, and how every way to fail becomes one line and an exit code.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "engine/check.hpp"
#include "retinaface/cli/mesh_outputs.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/cli/verbs.hpp"

namespace rf::cli {

namespace {

constexpr const char* kExamples =
    "Find faces in photographs. Three things to try:\n"
    "\n"
    "  retinaface detect photo.jpg --draw faces.png\n"
    "  retinaface detect photos/ --json > faces.json\n"
    "  retinaface info --size long:640 --image 4000x3000\n"
    "\n"
    "retinaface --help lists all verbs, retinaface help VERB explains one.\n";

// An abort is a failed assertion or a call of std::terminate; both have printed why.
extern "C" void exit_as_bug(int) { ::_exit(kExitBug); }

void prepare_process() {
  // A closed 0, 1 or 2 would be given to the next file that is opened, and messages or results end
  // up in it. Opened for reading, so that writing results fails and is noticed.
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) == -1)
      (void)::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
  std::signal(SIGPIPE,
              SIG_DFL);  // end quietly when the reader does, even if our parent ignored the signal
  std::signal(SIGABRT, exit_as_bug);
}

int fail(int code, const std::string& line) {
  say(line);
  return code;
}

void add_help(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand("help", "Explain one verb");
  const auto topic = std::make_shared<std::vector<std::string>>();
  verb->add_option("verb", *topic, "The verb to explain, and its part: eval wider, train head")
      ->type_name("VERB");
  verb->callback([&app, topic, &exit_code] {
    const CLI::App* about = &app;
    std::string name = "retinaface";
    for (const std::string& word : *topic) {
      const auto is_meant = [&](const CLI::App* sub) { return sub->get_name() == word; };
      const std::vector<const CLI::App*> found = about->get_subcommands(is_meant);
      if (found.empty()) {
        throw UsageError(
            message("help: there is no verb \"", word, "\"; `", name, " --help` lists them"));
      }
      about = found.front();
      name += " " + word;
    }
    print(app.get_formatter()->make_help(about, name, CLI::AppFormatMode::Normal));
    exit_code = kExitDone;
  });
}

int run(int argc, const char* const* argv) {
  CLI::App app("retinaface: face boxes and five landmarks, from photographs, on the CPU",
               "retinaface");
  app.set_version_flag("--version", "retinaface " + version());
  app.require_subcommand(0, 1);
  app.fallthrough(false);
  app.get_formatter()->column_width(24);
  int exit_code = kExitDone;
#ifdef RF_INFERENCE_ONLY  // the static program (CMakeLists.txt) is linked without meshes
  add_detect(app, exit_code, nullptr);
#else
  add_detect(app, exit_code, make_mesh_outputs());
#endif
  add_convert(app, exit_code);
  add_info(app, exit_code);
#ifndef RF_INFERENCE_ONLY  // and without these verbs
  add_eval(app, exit_code);
  add_train(app, exit_code);
  add_mesh(app, exit_code);
  add_synth(app, exit_code);
  add_render(app, exit_code);
#endif
  add_bench(app, exit_code);
  add_help(app, exit_code);
  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) print(kExamples);
  } catch (const CLI::CallForVersion&) {
    print("retinaface " + version() + "\n");
  } catch (const CLI::CallForHelp&) {
    print(app.help());  // of the verb that was chosen
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    const std::string verb = chosen.empty() ? "--help" : "help " + chosen.back()->get_name();
    return fail(kExitUsage, message(error.what(), "; `retinaface ", verb, "` lists what there is"));
  }
  flush_results();
  return exit_code;
}

int run_reporting(int argc, const char* const* argv) {
  try {
    return run(argc, argv);
  } catch (const UsageError& error) {
    return fail(kExitUsage, error.what());
  } catch (const ModelError& error) {
    return fail(kExitModel, error.what());
  } catch (const Error& error) {
    return fail(kExitInput, error.what());
  } catch (const std::bad_alloc&) {
    return fail(kExitInput, "not enough memory");
  } catch (const std::exception& error) {
    return fail(kExitBug,
                message("bug: ", error.what(), "; please report it with the command line"));
  }
}

}  // namespace

}  // namespace rf::cli

int main(int argc, char** argv) {
  rf::cli::prepare_process();
  return rf::cli::run_reporting(argc, argv);
}
