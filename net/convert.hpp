// Between the kernel's forms and the protocol's: addresses, and what statx says of a file.
#pragma once

#include <sys/stat.h>

#include "core/endpoint.hpp"
#include "core/listing.hpp"
#include "io/address.hpp"

namespace net {

core::Endpoint to_endpoint(const io::Address& address);
io::Address to_address(const core::Endpoint& endpoint);
core::Entry to_entry(const struct statx& facts);

}  // namespace net
