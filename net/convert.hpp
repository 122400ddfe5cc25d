// Between the kernel's forms and the protocol's: addresses, and what statx says of a file.
#pragma once

#include <sys/stat.h>

#include <string>

#include "core/endpoint.hpp"
#include "core/listing.hpp"
#include "io/address.hpp"
#include "io/dir_batch.hpp"

namespace net {

core::Endpoint to_endpoint(const io::Address& address);
io::Address to_address(const core::Endpoint& endpoint);
/// A sentence with the cure: why the server does not listen there.
std::string cannot_listen(const core::Endpoint& at, int error);
core::Entry to_entry(const struct statx& facts);
/// Of an entry of `directory`, a path from the root. `for_machines`: of a link that leads to a file, size and time are
/// the file's, as SIZE and MDTM tell them.
core::Entry to_entry(const io::DirEntry& found, std::string_view directory, bool for_machines);

}  // namespace net
