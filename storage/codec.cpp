#include "storage/interfaces.hpp"
