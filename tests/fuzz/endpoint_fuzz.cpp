// Addresses in all their forms: what is understood is written so that it is understood alike.
#include "core/endpoint.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  if (const auto address = core::parse_address(text))
    fuzz::require(core::parse_address(core::address_text(*address)) == address);
  if (const auto endpoint = core::parse_endpoint(text))
    fuzz::require(core::parse_endpoint(core::to_string(*endpoint)) == endpoint);
  if (const auto endpoint = core::parse_host_port(text))
    fuzz::require(core::parse_host_port(core::host_port(*endpoint)) == endpoint);
  if (const auto endpoint = core::parse_eprt(text)) {
    const std::string written = '|' + std::to_string(static_cast<int>(endpoint->family)) + '|' +
                                core::address_text(*endpoint) + '|' + std::to_string(endpoint->port) + '|';
    fuzz::require(core::parse_eprt(written) == endpoint);
  }
  if (const auto network = core::parse_network(text)) fuzz::require(network->contains(network->base));
  return 0;
}
