#include "weights/pickle.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "engine/check.hpp"
#include "weights/byte_reader.hpp"
#include "weights/shown.hpp"

namespace rf {

namespace {

// A file of weights needs some 30 values for each tensor.
constexpr std::size_t kMaxValues =
    1'000'000;  // in the result, on the stack, in the memo: below 100 bytes each
constexpr std::size_t kMaxItems = 4'000'000;  // in all containers together

struct KnownGlobal {
  std::string_view name;
  PickledGlobal global;
};
constexpr auto kStorage = PickledGlobal::Kind::storage_type;
constexpr std::array kKnownGlobals = {
    KnownGlobal{"collections.OrderedDict", {PickledGlobal::Kind::ordered_dict, {}}},
    KnownGlobal{"torch._utils._rebuild_tensor_v2", {PickledGlobal::Kind::rebuild_tensor, {}}},
    KnownGlobal{"torch._utils._rebuild_parameter", {PickledGlobal::Kind::rebuild_parameter, {}}},
    KnownGlobal{"torch.FloatStorage", {kStorage, StorageType::f32}},
    KnownGlobal{"torch.DoubleStorage", {kStorage, StorageType::f64}},
    KnownGlobal{"torch.HalfStorage", {kStorage, StorageType::f16}},
    KnownGlobal{"torch.BFloat16Storage", {kStorage, StorageType::bf16}},
    KnownGlobal{"torch.LongStorage", {kStorage, StorageType::i64}},
    KnownGlobal{"torch.IntStorage", {kStorage, StorageType::i32}},
    KnownGlobal{"torch.CharStorage", {kStorage, StorageType::i8}},
    KnownGlobal{"torch.ByteStorage", {kStorage, StorageType::u8}},
};

// Opcodes that exist but are refused, by the names of Python's pickletools.
const char* refused_opcode(std::uint8_t code) {
  switch (code) {
    case 'o': return "OBJ";
    case 0x81: return "NEWOBJ";
    case 0x92: return "NEWOBJ_EX";
    case 'P': return "PERSID";
    case 0x82: return "EXT1";
    case 0x83: return "EXT2";
    case 0x84: return "EXT4";
    case 0x8f: return "EMPTY_SET";
    case 0x90: return "ADDITEMS";
    case 0x91: return "FROZENSET";
    case 0x96: return "BYTEARRAY8";
    case 0x97: return "NEXT_BUFFER";
    case 0x98: return "READONLY_BUFFER";
    default: return nullptr;
  }
}

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& where) : in_(bytes, where) {}

  Pickle run() {
    while (true) {
      const auto code = in_.number<std::uint8_t>("a pickle");
      if (code == '.') break;
      step(code);
      if (std::max({pickle_.values.size(), stack_.size(), marks_.size(), memo_.size()}) >
          kMaxValues) {
        in_.fail("pickle holds more than ", kMaxValues, " values");
      }
    }
    pickle_.root = pop();
    pickle_.bytes = in_.position();
    return std::move(pickle_);
  }

 private:
  void step(std::uint8_t code) {
    if (step_constant(code) || step_container(code) || step_stack(code)) return;
    switch (code) {
      case 0x80: {  // PROTO
        const auto version = in_.number<std::uint8_t>("a pickle");
        if (version > 5) in_.fail("pickle has protocol ", int{version}, ", 0 to 5 can be read");
        return;
      }
      case 0x95: {  // FRAME: only an announcement
        const auto length = in_.number<std::uint64_t>("a pickle");
        if (length > in_.left())
          in_.fail("pickle announces a frame of ", length, " bytes, ", in_.left(), " are left");
        return;
      }
      case 'c':    // GLOBAL
      case 'i': {  // INST: names a class and calls it
        const std::string module(in_.line("a name"));
        const std::string name(in_.line("a name"));
        const PickledGlobal global = find(module, name);
        if (code == 'i')
          in_.fail("pickle makes an instance of ", shown(module + "." + name), ": refused");
        push(global);
        return;
      }
      case 0x93: {  // STACK_GLOBAL
        const std::string name = string_at(pop()), module = string_at(pop());
        push(find(module, name));
        return;
      }
      case 'Q': push(storage(pop())); return;  // BINPERSID
      case 'R': {                              // REDUCE
        const PickleRef arguments = pop(), function = pop();
        call(function, arguments);
        return;
      }
      case 'b': {  // BUILD: sets attributes; an OrderedDict of torch carries some, which say
                   // nothing about the numbers
        const PickleRef state = pop();
        if (!get<PickledDict>(state) || !get<PickledDict>(top()))
          in_.fail("pickle sets attributes of no dictionary: refused");
        return;
      }
      default: break;
    }
    if (const char* name = refused_opcode(code))
      in_.fail("pickle holds opcode ", name, ", which no tensor needs: refused");
    in_.fail("pickle holds byte ", int{code}, " at ", in_.position() - 1, ", which is no opcode");
  }

  // Opcodes that push a constant.
  bool step_constant(std::uint8_t code) {
    switch (code) {
      case 'N': push(PickledNone{}); return true;
      case 0x88: push(true); return true;                                         // NEWTRUE
      case 0x89: push(false); return true;                                        // NEWFALSE
      case 'K': push(Index{in_.number<std::uint8_t>("a number")}); return true;   // BININT1
      case 'M': push(Index{in_.number<std::uint16_t>("a number")}); return true;  // BININT2
      case 'J': push(Index{in_.number<std::int32_t>("a number")}); return true;   // BININT
      case 0x8a: push_long(in_.number<std::uint8_t>("a number")); return true;    // LONG1
      case 0x8b: push_long(in_.number<std::uint32_t>("a number")); return true;   // LONG4
      case 'I': push_decimal(in_.line("a number")); return true;                  // INT
      case 'L': push_decimal(in_.line("a number")); return true;                  // LONG
      case 'F': push_float(in_.line("a number")); return true;                    // FLOAT
      case 'G': {  // BINFLOAT: big-endian
        push(std::bit_cast<double>(__builtin_bswap64(in_.number<std::uint64_t>("a number"))));
        return true;
      }
      case 'X': push_text(in_.number<std::uint32_t>("a string")); return true;   // BINUNICODE
      case 0x8c: push_text(in_.number<std::uint8_t>("a string")); return true;   // SHORT_BINUNICODE
      case 0x8d: push_text(in_.number<std::uint64_t>("a string")); return true;  // BINUNICODE8
      case 'U':
        push_text(in_.number<std::uint8_t>("a string"));
        return true;  // SHORT_BINSTRING (Python 2)
      case 'T': push_text(in_.number<std::uint32_t>("a string")); return true;  // BINSTRING
      case 'C': push_bytes(in_.number<std::uint8_t>("bytes")); return true;     // SHORT_BINBYTES
      case 'B': push_bytes(in_.number<std::uint32_t>("bytes")); return true;    // BINBYTES
      case 0x8e: push_bytes(in_.number<std::uint64_t>("bytes")); return true;   // BINBYTES8
      case 'V': push_plain(in_.line("a string")); return true;                  // UNICODE
      case 'S': {                                                               // STRING: in quotes
        const std::string_view quoted = in_.line("a string");
        if (quoted.size() < 2 || quoted.front() != quoted.back() ||
            (quoted[0] != '\'' && quoted[0] != '"')) {
          in_.fail("pickle holds a string without quotes");
        }
        push_plain(quoted.substr(1, quoted.size() - 2));
        return true;
      }
      default: return false;
    }
  }

  // Opcodes that make and fill containers.
  bool step_container(std::uint8_t code) {
    switch (code) {
      case ')': push(PickledTuple{}); return true;
      case ']': push(PickledList{}); return true;
      case '}': push(PickledDict{}); return true;
      case 't': push(PickledTuple{pop_to_mark()}); return true;  // TUPLE
      case 'l': push(PickledList{pop_to_mark()}); return true;   // LIST
      case 'd': {                                                // DICT
        PickledDict dict;
        insert(dict, pop_to_mark());
        push(std::move(dict));
        return true;
      }
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87: push(PickledTuple{pop_last(code - 0x84U)}); return true;
      case 'a': append(pop_last(1)); return true;       // APPEND
      case 'e': append(pop_to_mark()); return true;     // APPENDS
      case 's': set_items(pop_last(2)); return true;    // SETITEM
      case 'u': set_items(pop_to_mark()); return true;  // SETITEMS
      default: return false;
    }
  }

  // Opcodes of the stack, its marks and the memo.
  bool step_stack(std::uint8_t code) {
    switch (code) {
      case '(': marks_.push_back(stack_.size()); return true;                       // MARK
      case '0': pop(); return true;                                                 // POP
      case '1': pop_to_mark(); return true;                                         // POP_MARK
      case '2': stack_.push_back(top()); return true;                               // DUP
      case 'q': memo_[in_.number<std::uint8_t>("a pickle")] = top(); return true;   // BINPUT
      case 'r': memo_[in_.number<std::uint32_t>("a pickle")] = top(); return true;  // LONG_BINPUT
      case 'p': memo_[decimal(in_.line("a number"))] = top(); return true;          // PUT
      case 0x94: memo_[static_cast<Index>(memo_.size())] = top(); return true;      // MEMOIZE
      case 'h': recall(in_.number<std::uint8_t>("a pickle")); return true;          // BINGET
      case 'j': recall(in_.number<std::uint32_t>("a pickle")); return true;         // LONG_BINGET
      case 'g': recall(decimal(in_.line("a number"))); return true;                 // GET
      default: return false;
    }
  }

  // --- the stack

  void push(PickleValue value) {
    stack_.push_back(static_cast<PickleRef>(pickle_.values.size()));
    pickle_.values.push_back(std::move(value));
  }

  // Elements above the last mark; those below belong to a container that is still open.
  std::size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  PickleRef top() const {
    if (available() == 0) in_.fail("pickle takes from an empty stack at byte ", in_.position() - 1);
    return stack_.back();
  }

  PickleRef pop() {
    const PickleRef ref = top();
    stack_.pop_back();
    return ref;
  }

  std::vector<PickleRef> pop_last(std::size_t count) {
    if (available() < count)
      in_.fail("pickle takes from an empty stack at byte ", in_.position() - 1);
    count_items(count);
    std::vector<PickleRef> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }

  void count_items(std::size_t count) {
    items_ += count;
    if (items_ > kMaxItems)
      in_.fail("pickle fills containers with more than ", kMaxItems, " items");
  }

  std::vector<PickleRef> pop_to_mark() {
    if (marks_.empty())
      in_.fail("pickle closes a container that was not opened, at byte ", in_.position() - 1);
    std::vector<PickleRef> items = pop_last(available());
    marks_.pop_back();
    return items;
  }

  void recall(Index key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) in_.fail("pickle recalls value ", key, ", which it has not stored");
    stack_.push_back(found->second);
  }

  // --- constants

  Index decimal(std::string_view text) const {
    Index value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
      in_.fail("pickle holds the number ", shown(text));
    return value;
  }

  // Protocol 0: 00 and 01 are booleans, long integers end in L.
  void push_decimal(std::string_view text) {
    if (text == "00" || text == "01") return push(text == "01");
    if (text.ends_with('L')) text.remove_suffix(1);
    push(decimal(text));
  }

  void push_float(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
      in_.fail("pickle holds the number ", shown(text));
    push(value);
  }

  void push_long(std::uint32_t length) {
    const std::string_view bytes = in_.text(length, "a number");
    if (bytes.size() > sizeof(Index)) return push(PickledLong{std::string(bytes)});
    const bool negative = !bytes.empty() && (bytes.back() & 0x80);
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(bytes[i]);
    push(static_cast<Index>(value));
  }

  void push_text(std::uint64_t length) { push(std::string(in_.text(length, "a string"))); }
  void push_bytes(std::uint64_t length) {
    push(PickledBytes{std::string(in_.text(length, "bytes"))});
  }

  // Protocol 0 writes other than printable characters as escapes, which no name of a tensor needs.
  void push_plain(std::string_view text) {
    if (text.find('\\') != std::string_view::npos)
      in_.fail("pickle holds a string with escapes: ", shown(text));
    push(std::string(text));
  }

  // --- containers

  template <class T>
  T* get(PickleRef ref) {
    return std::get_if<T>(&pickle_.values[ref]);
  }

  void append(const std::vector<PickleRef>& items) {
    auto* list = get<PickledList>(top());
    if (!list) in_.fail("pickle appends to what is no list, at byte ", in_.position() - 1);
    list->items.insert(list->items.end(), items.begin(), items.end());
  }

  void insert(PickledDict& dict, const std::vector<PickleRef>& items) {
    if (items.size() % 2 != 0) in_.fail("pickle gives a dictionary a key without a value");
    for (std::size_t i = 0; i < items.size(); i += 2)
      dict.items.emplace_back(items[i], items[i + 1]);
  }

  void set_items(const std::vector<PickleRef>& items) {
    auto* dict = get<PickledDict>(top());
    if (!dict) in_.fail("pickle sets items of what is no dictionary, at byte ", in_.position() - 1);
    insert(*dict, items);
  }

  // --- names and calls

  PickledGlobal find(const std::string& module, const std::string& name) const {
    const std::string full = module + "." + name;
    for (const KnownGlobal& known : kKnownGlobals) {
      if (known.name == full) return known.global;
    }
    in_.fail("pickle asks for ", shown(full), ", which is not a tensor or container: refused");
  }

  const std::string& string_at(PickleRef ref) {
    const auto* text = get<std::string>(ref);
    if (!text) in_.fail("pickle has another value where a string is needed");
    return *text;
  }

  Index count_at(PickleRef ref, const char* what) {
    const auto* value = get<Index>(ref);
    if (!value || *value < 0)
      in_.fail("pickle holds a tensor whose ", what, " is not a number of 0 or more");
    return *value;
  }

  std::vector<Index> counts_at(PickleRef ref, const char* what) {
    const auto* tuple = get<PickledTuple>(ref);
    if (!tuple) in_.fail("pickle holds a tensor whose ", what, " is not a tuple");
    if (tuple->items.size() > Shape::kMaxRank) {
      in_.fail("pickle holds a tensor of rank ", tuple->items.size(), ", at most ", Shape::kMaxRank,
               " can be read");
    }
    std::vector<Index> counts;
    for (const PickleRef item : tuple->items) counts.push_back(count_at(item, what));
    return counts;
  }

  // ('storage', type, key, location, count) and, in old files, a view, which must be None.
  PickledStorage storage(PickleRef id) {
    const auto* tuple = get<PickledTuple>(id);
    if (!tuple || tuple->items.size() < 5 || tuple->items.size() > 6 ||
        string_at(tuple->items[0]) != "storage") {
      in_.fail("pickle refers to something outside that is no storage: refused");
    }
    const auto* type = get<PickledGlobal>(tuple->items[1]);
    if (!type || type->kind != kStorage) in_.fail("pickle holds a storage without a type");
    if (tuple->items.size() == 6 && !get<PickledNone>(tuple->items[5]))
      in_.fail("pickle holds a view of a storage: not supported");
    // torch's keys are short numbers; the limit keeps a look-up short when thousands of storages
    // share one key.
    if (string_at(tuple->items[2]).size() > 256)
      in_.fail("pickle holds a storage with a key of more than 256 characters");
    return {type->storage_type, tuple->items[2], count_at(tuple->items[4], "storage count")};
  }

  void call(PickleRef function, PickleRef arguments) {
    const auto* global = get<PickledGlobal>(function);
    const auto* tuple = get<PickledTuple>(arguments);
    if (!global || !tuple) in_.fail("pickle calls what is no function: refused");
    const std::vector<PickleRef>& items = tuple->items;
    switch (global->kind) {
      case PickledGlobal::Kind::ordered_dict: return call_ordered_dict(items);
      case PickledGlobal::Kind::rebuild_tensor: {  // storage, offset, size, stride, requires_grad,
                                                   // hooks[, metadata]
        if (items.size() < 6 || !get<PickledStorage>(items[0]))
          in_.fail("pickle rebuilds a tensor without a storage");
        PickledTensor tensor{items[0], count_at(items[1], "offset"), counts_at(items[2], "size"),
                             counts_at(items[3], "stride")};
        if (tensor.sizes.size() != tensor.strides.size())
          in_.fail("pickle holds a tensor with more sizes than strides or fewer");
        return push(std::move(tensor));
      }
      case PickledGlobal::Kind::rebuild_parameter:  // tensor, requires_grad, hooks
        if (items.empty() || !get<PickledTensor>(items[0]))
          in_.fail("pickle rebuilds a parameter without a tensor");
        return stack_.push_back(items[0]);
      case PickledGlobal::Kind::storage_type: break;
    }
    in_.fail("pickle calls a type of storage: refused");
  }

  // OrderedDict() or OrderedDict([(key, value), ..])
  void call_ordered_dict(const std::vector<PickleRef>& arguments) {
    PickledDict dict;
    if (!arguments.empty()) {
      const auto* list = get<PickledList>(arguments[0]);
      if (arguments.size() != 1 || !list)
        in_.fail("pickle makes an OrderedDict of what is no list");
      count_items(list->items.size());  // the same list may be given a thousand times
      for (const PickleRef ref : list->items) {
        const std::vector<PickleRef>* pair = nullptr;
        if (const auto* as_tuple = get<PickledTuple>(ref)) pair = &as_tuple->items;
        if (const auto* as_list = get<PickledList>(ref)) pair = &as_list->items;
        if (!pair || pair->size() != 2)
          in_.fail("pickle makes an OrderedDict of what are no pairs");
        dict.items.emplace_back((*pair)[0], (*pair)[1]);
      }
    }
    push(std::move(dict));
  }

  ByteReader in_;
  Pickle pickle_;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;  // heights of the stack
  std::unordered_map<Index, PickleRef> memo_;
  std::size_t items_ = 0;  // moved into containers so far
};

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& where) {
  return Machine(bytes, where).run();
}

}  // namespace rf
