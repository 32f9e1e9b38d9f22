#include "actors/interfaces.hpp"
