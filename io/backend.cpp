// Chooses a backend by name, or the first that works here.
// Knows the order of preference; must not know how any of them works.
#include "io/backend.hpp"

#include <system_error>

#include "io/kernel_backend.hpp"

namespace io {

namespace {

std::expected<ChosenBackend, std::string> choose(std::string_view wanted, const BackendOptions& options) {
  using Made = std::expected<std::unique_ptr<Backend>, std::string>;
  if (wanted != "auto" && wanted != "io_uring" && wanted != "epoll") {
    return std::unexpected("there is no backend \"" + std::string(wanted) + "\"");
  }
  std::string why;
  if (wanted != "epoll") {
    Made uring = make_uring_backend(options);
    if (uring) return ChosenBackend{std::move(*uring), ""};
    if (wanted == "io_uring") return std::unexpected(uring.error());
    why = uring.error();
  }
  Made epoll = make_epoll_backend(options);
  if (!epoll) return std::unexpected(why.empty() ? epoll.error() : why + "; " + epoll.error());
  return ChosenBackend{std::move(*epoll), why};
}

}  // namespace

std::expected<ChosenBackend, std::string> make_backend(std::string_view wanted, const BackendOptions& options) {
  try {
    return choose(wanted, options);
  } catch (const std::system_error& error) {  // std::thread's way to say so
    return std::unexpected(std::string("the offload threads cannot be started: ") + error.what());
  }
}

}  // namespace io
