// A list of facts: refused it changes nothing, taken it reads back as it was understood.
#include "core/facts.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  core::FactSet set = core::FactSet::defaults();
  if (!core::parse_fact_list(fuzz::text(data, size), set)) {
    fuzz::require(set == core::FactSet::defaults());
    return 0;
  }
  core::FactSet again;
  fuzz::require(core::parse_fact_list(core::fact_list(set), again) && again == set);
  return 0;
}
