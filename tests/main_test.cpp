// Catch2's main; compiled alone because it takes the longest.
#define CATCH_CONFIG_MAIN
#include "tests/catch.hpp"
