#include "model/catalogue_slice.hpp"
