// A command line: verb and argument are what the line is made of, and the table knows the verb or not.
#include "core/command.hpp"

#include <string>

#include "core/text.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line = fuzz::text(data, size);
  const core::Command command = core::split_line(line);
  std::string again(command.verb);
  if (again.size() < line.size()) (again += ' ') += command.argument;
  fuzz::require(again == line && command.has_argument == !command.argument.empty());
  const core::CommandRow* const row = core::find_command(command.verb);
  fuzz::require(row == nullptr || core::equal_without_case(row->verb, command.verb));
  return 0;
}
