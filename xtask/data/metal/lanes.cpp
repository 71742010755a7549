// Runs a program of kernels, which clang made from naga's MSL, on one thread: each invocation has a stack of its own, and runs
// until it waits for others. Built without fast maths: see xtask/src/compilers/clang.
//
//     program LIST SUBGROUP NAME…    runs what is in the file LIST, with subgroups of so many lanes; what is left in the
//                                    buffers NAME… is written to LIST.NAME
//
// LIST: the number of buffers, and for each its name, size, and the file that it begins with (or -); the number of dispatches,
// and for each its kernel, workgroups in x and y, the number of its bindings, and for each its buffer and offset and size.
#include "lanes.h"

#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

enum class State { ready, at_barrier, at_exchange, ended };

constexpr std::uint32_t most_lanes = 128;
constexpr std::size_t stack_bytes = 256 << 10;

struct Subgroup {
    std::uint32_t words[2][most_lanes];
    bool there[2][most_lanes];
    std::uint32_t turn = 0;
};

struct Invocation {
    ucontext_t context;
    State state = State::ready;
    lanes::Here here;
    Subgroup* subgroup = nullptr;
};

ucontext_t scheduler;
Invocation* current = nullptr;
const lanes::Kernel* running = nullptr;
std::vector<char*> bound;
std::vector<std::uint32_t> sizes;
std::vector<char> shared;
std::vector<char*> stacks;

void wait(State state) {
    current->state = state;
    swapcontext(&current->context, &scheduler);
}

void begin() {
    running->run(current->here, bound.data(), sizes.data(), shared.data());
    wait(State::ended);
}

[[noreturn]] void fail(const std::string& words) {
    std::fprintf(stderr, "%s\n", words.c_str());
    std::exit(2);
}

// Lets those go on that have all come; whether any could.
bool released(std::vector<Invocation>& all, std::uint32_t size) {
    bool any = false;
    for (std::size_t from = 0; from < all.size(); from += size) {
        std::size_t to = std::min(all.size(), from + size), waiting = 0, ended = 0;
        for (std::size_t i = from; i < to; i++) {
            waiting += all[i].state == State::at_exchange;
            ended += all[i].state == State::ended;
        }
        if (waiting == 0 || waiting + ended < to - from) continue;
        Subgroup& subgroup = *all[from].subgroup;
        subgroup.turn ^= 1;
        for (std::size_t i = from; i < to; i++) {
            bool there = all[i].state == State::at_exchange;
            subgroup.there[subgroup.turn][i - from] = there;
            if (there) all[i].state = State::ready;
        }
        any = true;
    }
    if (any) return true;
    std::size_t waiting = 0, ended = 0;
    for (const Invocation& one : all) {
        waiting += one.state == State::at_barrier;
        ended += one.state == State::ended;
    }
    if (ended == all.size()) return false;
    if (waiting + ended < all.size()) fail("some invocations wait at a barrier, and others for their subgroup");
    if (ended > 0) fail("some invocations wait at a barrier, and others have ended");
    for (Invocation& one : all) one.state = State::ready;
    return true;
}

void run(std::vector<Invocation>& all, std::vector<Subgroup>& subgroups, std::uint32_t size,
         const std::uint32_t (&at)[3], const std::uint32_t (&count)[3]) {
    std::uint32_t number = running->invocations;
    all.resize(number);
    while (stacks.size() < number) stacks.push_back(static_cast<char*>(std::malloc(stack_bytes)));
    subgroups.assign((number + size - 1) / size, Subgroup{});
    for (std::uint32_t i = 0; i < number; i++) {
        Invocation& one = all[i];
        getcontext(&one.context);
        one.context.uc_stack.ss_sp = stacks[i];
        one.context.uc_stack.ss_size = stack_bytes;
        one.context.uc_link = nullptr;
        makecontext(&one.context, begin, 0);
        one.state = State::ready;
        one.subgroup = &subgroups[i / size];
        one.here = {{at[0], at[1], at[2]}, {count[0], count[1], count[2]}, i, i / size,
                    static_cast<std::uint32_t>(subgroups.size()), i % size, size};
    }
    do {
        for (Invocation& one : all) {
            if (one.state != State::ready) continue;
            current = &one;
            swapcontext(&scheduler, &one.context);
        }
    } while (released(all, size));
}

}  // namespace

namespace lanes {
void barrier() { wait(State::at_barrier); }
void exchange(std::uint32_t word) {
    current->subgroup->words[current->subgroup->turn ^ 1][current->here.lane] = word;
    wait(State::at_exchange);
}
std::uint32_t from(std::uint32_t lane) { return current->subgroup->words[current->subgroup->turn][lane]; }
bool there(std::uint32_t lane) { return current->subgroup->there[current->subgroup->turn][lane]; }
std::uint32_t first() {
    std::uint32_t lane = 0;
    while (lane + 1 < size() && !there(lane)) lane++;
    return lane;
}
std::uint32_t rank() { return current->here.lane; }
std::uint32_t size() { return current->here.lanes; }
}  // namespace lanes

int main(int count, char** arguments) {
    if (count < 3) fail("LIST SUBGROUP NAME…");
    std::string path = arguments[1];
    std::uint32_t size = std::strtoul(arguments[2], nullptr, 10);
    std::ifstream list(path);
    std::size_t number;
    list >> number;
    std::vector<std::string> names(number);
    std::vector<std::vector<std::uint64_t>> buffers(number);
    std::vector<std::size_t> bytes(number);
    for (std::size_t i = 0; i < number; i++) {
        std::string file;
        list >> names[i] >> bytes[i] >> file;
        buffers[i].assign(bytes[i] / 8 + 2, 0);
        if (file == "-") continue;
        std::ifstream contents(file, std::ios::binary);
        if (!contents) fail(file + " is not there");
        contents.read(reinterpret_cast<char*>(buffers[i].data()), static_cast<std::streamsize>(bytes[i]));
    }
    std::vector<Invocation> all;
    std::vector<Subgroup> subgroups;
    std::size_t dispatches;
    list >> dispatches;
    for (std::size_t i = 0; i < dispatches; i++) {
        std::size_t kernel, bindings;
        std::uint32_t x, y;
        list >> kernel >> x >> y >> bindings;
        running = &lanes::kernels[kernel];
        bound.clear();
        sizes.clear();
        for (std::size_t j = 0; j < bindings; j++) {
            std::size_t buffer, offset, length;
            list >> buffer >> offset >> length;
            bound.push_back(reinterpret_cast<char*>(buffers[buffer].data()) + offset);
            sizes.push_back(static_cast<std::uint32_t>(length));
        }
        if (!list) fail(path + " is cut off");
        for (std::uint32_t at_y = 0; at_y < y; at_y++) {
            for (std::uint32_t at_x = 0; at_x < x; at_x++) {
                // No kernel may count on zeros.
                shared.assign(running->shared + 64, static_cast<char>(0xcd));
                run(all, subgroups, size, {at_x, at_y, 0}, {x, y, 1});
            }
        }
    }
    for (int i = 3; i < count; i++) {
        for (std::size_t j = 0; j < number; j++) {
            if (names[j] != arguments[i]) continue;
            std::ofstream out(path + "." + names[j], std::ios::binary);
            out.write(reinterpret_cast<const char*>(buffers[j].data()), static_cast<std::streamsize>(bytes[j]));
        }
    }
}
