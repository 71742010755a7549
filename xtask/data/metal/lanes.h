// What an invocation of an emulated workgroup asks of the others, and what its kernel is told: lanes.cpp lets each run until
// it waits.
#pragma once
#include <cstdint>

namespace lanes {

// Waits for every invocation of the workgroup.
void barrier();
// Shows a word to the subgroup, and waits until each of its lanes has shown one.
void exchange(std::uint32_t word);
// What a lane of the subgroup showed last, and whether it showed anything.
std::uint32_t from(std::uint32_t lane);
bool there(std::uint32_t lane);
// The first lane that did; this one; how many there can be.
std::uint32_t first();
std::uint32_t rank();
std::uint32_t size();

// An invocation's place.
struct Here {
    std::uint32_t workgroup[3], workgroups[3], invocation, subgroup, subgroups, lane, lanes;
};

// A kernel: buffers in the order of its bindings, their sizes, and the workgroup's memory.
struct Kernel {
    void (*run)(const Here&, char* const* buffers, const std::uint32_t* sizes, char* shared);
    std::uint32_t invocations, shared;
};
extern const Kernel kernels[];

}  // namespace lanes
