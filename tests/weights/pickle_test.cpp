#include "weights/pickle.hpp"

#include <catch2/catch.hpp>

#include "tests/weights/file_writers.hpp"
#include "tests/weights/reader_checks.hpp"

using namespace rf;
using rf::test::holds;
using rf::test::le;
using rf::test::pickled;

namespace {

Pickle read(const std::string& bytes) { return read_pickle(test::bytes_of(bytes), "x.pth"); }

std::string refusal(const std::string& bytes) {
  const std::string text = test::thrown<FormatError>([&] { return read(bytes); });
  CAPTURE(text);
  CHECK(test::one_line(text));
  CHECK(text.starts_with("x.pth: "));
  return text;
}

template <class T>
T constant(const std::string& bytes) {
  const Pickle pickle = read(bytes + ".");
  const auto* value = pickle.get<T>(pickle.root);
  REQUIRE(value);
  return *value;
}

}  // namespace

// The bytes are what Python's pickle module writes for these values (documented in pickletools).
TEST_CASE("pickle: constants of all protocols", "[pickle][golden]") {
  CHECK(constant<Index>("K\xff") == 255);
  CHECK(constant<Index>("M\x34\x12") == 0x1234);
  CHECK(constant<Index>("J\xfe\xff\xff\xff") == -2);
  CHECK(constant<Index>("I42\n") == 42);
  CHECK(constant<Index>("L-7L\n") == -7);
  CHECK(constant<bool>("I01\n"));
  CHECK(constant<bool>("\x88"));
  CHECK_FALSE(constant<bool>("\x89"));
  CHECK(constant<Index>(std::string("\x8a\x00", 2)) == 0);
  CHECK(constant<Index>("\x8a\x01\xff") == -1);
  CHECK(constant<Index>(std::string("\x8a\x02\xff\x00", 4)) == 255);
  CHECK(constant<Index>(pickled(INT64_MIN)) == INT64_MIN);
  CHECK(constant<Index>(std::string("\x8b\x01\x00\x00\x00\x05", 6)) == 5);
  CHECK(constant<PickledLong>("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19").bytes.size() ==
        10);
  CHECK(constant<double>(std::string("G\x3f\xf8\x00\x00\x00\x00\x00\x00", 9)) == 1.5);
  CHECK(constant<double>("F-0.25\n") == -0.25);
  CHECK(constant<std::string>("X\x02" + std::string(3, '\0') + "ab") == "ab");
  CHECK(constant<std::string>("\x8c\x02"
                              "ab") == "ab");
  CHECK(constant<std::string>("\x8d" + le<std::uint64_t>(2) + "ab") == "ab");
  CHECK(constant<std::string>("U\x02"
                              "ab") == "ab");
  CHECK(constant<std::string>("S'ab'\n") == "ab");
  CHECK(constant<std::string>("Vab\n") == "ab");
  CHECK(constant<PickledBytes>("C\x02"
                               "ab")
            .bytes == "ab");
}

TEST_CASE("pickle: containers hold what was put into them, in order", "[pickle]") {
  const std::string frame = "\x80\x04\x95" + le<std::uint64_t>(9);
  const Pickle tuple = read(frame + "K\x01K\x02K\x03\x87\x94.");
  REQUIRE(tuple.get<PickledTuple>(tuple.root));
  CHECK(tuple.get<PickledTuple>(tuple.root)->items.size() == 3);

  const Pickle list = read(
      "](K\x01K\x02"
      "eK\x03"
      "a.");
  const auto* items = list.get<PickledList>(list.root);
  REQUIRE(items);
  REQUIRE(items->items.size() == 3);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(*list.get<Index>(items->items[i]) == static_cast<Index>(i) + 1);

  const Pickle dict =
      read("}(X\x01" + std::string(3, '\0') + "aK\x05uX\x01" + std::string(3, '\0') + "bK\x06s.");
  const auto* pairs = dict.get<PickledDict>(dict.root);
  REQUIRE(pairs);
  REQUIRE(pairs->items.size() == 2);
  CHECK(*dict.get<std::string>(pairs->items[1].first) == "b");
  CHECK(*dict.get<Index>(pairs->items[1].second) == 6);

  const Pickle pairs_given = read(test::pickled_global("collections", "OrderedDict") +
                                  "](K\x01K\x02\x86"
                                  "e\x85R.");
  REQUIRE(pairs_given.get<PickledDict>(pairs_given.root));
  CHECK(pairs_given.get<PickledDict>(pairs_given.root)->items.size() == 1);
}

TEST_CASE("pickle: the memo gives a value back, not a copy", "[pickle]") {
  const Pickle pickle = read(
      "(]q\x07"
      "0h\x07h\x07t.");
  const auto* tuple = pickle.get<PickledTuple>(pickle.root);
  REQUIRE(tuple);
  REQUIRE(tuple->items.size() == 2);
  CHECK(tuple->items[0] == tuple->items[1]);
  CHECK(read("(]\x94"
             "0j" +
             std::string(4, '\0') + "t.")
            .bytes == 11);
}

TEST_CASE("pickle: a value that holds itself is no danger", "[pickle]") {
  const Pickle pickle = read(
      "]q\x01h\x01"
      "a.");
  CHECK(pickle.get<PickledList>(pickle.root)->items[0] == pickle.root);
}

TEST_CASE("pickle: names of anything but tensors and containers are refused by name",
          "[pickle][error]") {
  CHECK(holds(refusal("cos\nsystem\n(S'ls'\ntR."),
              "pickle asks for os.system, which is not a tensor or container: refused"));
  CHECK(holds(refusal("\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02ls\x85R."), "posix.system"));
  CHECK(holds(refusal("\x80\x02"
                      "c__builtin__\neval\n."),
              "__builtin__.eval"));
  CHECK(holds(refusal("(S'ls'\nios\nsystem\n."), "os.system"));
  CHECK(holds(refusal("(icollections\nOrderedDict\n."),
              "makes an instance of collections.OrderedDict"));
  CHECK(holds(refusal("ctorch\nShortStorage\n."), "torch.ShortStorage"));
  CHECK(holds(refusal("ccollections\nOrderedDict.__init__\n."), "OrderedDict.__init__"));
  CHECK(holds(refusal("cos\x1b[2J\nsystem\n."), "os\\x1b[2J.system"));
}

TEST_CASE("pickle: opcodes that no tensor needs are refused by name", "[pickle][error]") {
  const std::string ordered = "ccollections\nOrderedDict\n)";
  CHECK(holds(refusal(ordered + "\x81."), "opcode NEWOBJ"));
  CHECK(holds(refusal(ordered + "}\x92."), "opcode NEWOBJ_EX"));
  CHECK(holds(refusal("(o."), "opcode OBJ"));
  CHECK(holds(refusal("Pkey\n."), "opcode PERSID"));
  CHECK(holds(refusal("\x82\x01."), "opcode EXT1"));
  CHECK(holds(refusal("\x8f."), "opcode EMPTY_SET"));
  CHECK(holds(refusal("\x97."), "opcode NEXT_BUFFER"));
  CHECK(holds(refusal("\xff."), "byte 255 at 0, which is no opcode"));
  CHECK(holds(refusal("\x80\x06."), "protocol 6"));
}

TEST_CASE("pickle: calls and attributes of other things are refused", "[pickle][error]") {
  CHECK(holds(refusal("N)R."), "calls what is no function"));
  CHECK(holds(refusal("ctorch\nFloatStorage\n)R."), "calls a type of storage"));
  CHECK(holds(refusal("ccollections\nOrderedDict\n]R."), "calls what is no function"));
  CHECK(holds(refusal("ccollections\nOrderedDict\nN\x85R."), "OrderedDict of what is no list"));
  CHECK(holds(refusal("ccollections\nOrderedDict\n](Ne\x85R."), "no pairs"));
  CHECK(holds(refusal("]}b."), "attributes of no dictionary"));
  CHECK(holds(refusal("}Nb."), "attributes of no dictionary"));
  CHECK(holds(refusal("NQ."), "no storage"));
  CHECK(holds(refusal("ctorch._utils\n_rebuild_tensor_v2\n)R."), "without a storage"));
  CHECK(holds(refusal("ctorch._utils\n_rebuild_parameter\n)R."), "without a tensor"));
}

TEST_CASE("pickle: tensors that cannot be are refused", "[pickle][error]") {
  const auto with = [](const std::vector<Index>& sizes, const std::vector<Index>& strides,
                       Index offset = 0, Index count = 4) {
    return test::TorchTensor{"FloatStorage", "0", count, offset, sizes, strides}.pickle() + ".";
  };
  CHECK_NOTHROW(read(with({2, 2}, {2, 1})));
  CHECK(holds(refusal(with({2, -2}, {2, 1})), "size is not a number of 0 or more"));
  CHECK(holds(refusal(with({2, 2}, {2, -1})), "stride is not"));
  CHECK(holds(refusal(with({2}, {1}, -1)), "offset is not"));
  CHECK(holds(refusal(with({2}, {1}, 0, -4)), "storage count is not"));
  CHECK(holds(refusal(with({2, 2}, {1})), "more sizes than strides"));
  CHECK(holds(refusal(with({1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1})), "rank 7"));
}

TEST_CASE("pickle: a stack that runs empty, an open container, an early end are refused",
          "[pickle][error]") {
  CHECK(holds(refusal(""), "the file ends"));
  CHECK(holds(refusal("."), "empty stack"));
  CHECK(holds(refusal("K\x01"), "the file ends"));
  CHECK(holds(refusal("0."), "empty stack"));
  CHECK(holds(refusal("t."), "not opened"));
  CHECK(holds(refusal("1."), "not opened"));
  CHECK(holds(refusal("]K\x01(\x85."), "empty stack"));  // below the mark is out of reach
  CHECK(holds(refusal("NK\x01"
                      "a."),
              "no list"));
  CHECK(holds(refusal("]K\x01K\x02s."), "no dictionary"));
  CHECK(holds(refusal("}(K\x01u."), "key without a value"));
  CHECK(holds(refusal("h\x05."), "recalls value 5"));
  CHECK(holds(refusal("X\xff\xff\xff\xff"
                      "ab"),
              "the file ends inside a string"));
  CHECK(holds(refusal("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"), "the file ends inside a string"));
  CHECK(holds(refusal("\x8b\xff\xff\xff\xff."), "the file ends inside a number"));
  CHECK(holds(refusal("\x95\xff\xff\xff\xff\xff\xff\xff\xff."), "frame"));
  CHECK(holds(refusal("Iabc\n."), "number abc"));
  CHECK(holds(refusal("I99999999999999999999\n."), "number"));
  CHECK(holds(refusal("Sab\n."), "without quotes"));
  CHECK(holds(refusal("S'\\x41'\n."), "escapes"));
}

TEST_CASE("pickle: sizes are limited whatever is shared", "[pickle][error]") {
  SECTION("values") {
    CHECK(holds(refusal(std::string(1'100'000, ']') + "."), "more than 1000000 values"));
  }
  SECTION("the stack") {
    CHECK(holds(refusal("]" + std::string(1'100'000, '2') + "."), "more than 1000000 values"));
  }
  SECTION("marks") {
    CHECK(holds(refusal(std::string(1'100'000, '(') + "."), "more than 1000000 values"));
  }
  SECTION("the memo") {
    CHECK(holds(refusal("]" + std::string(1'100'000, '\x94') + "."), "more than 1000000 values"));
  }
  SECTION("nesting is deep but flat in memory") {
    std::string deep = "]";
    for (int i = 0; i < 300'000; ++i) deep += "]";
    for (int i = 0; i < 300'000; ++i) deep += "a";
    CHECK(read(deep + ".").values.size() == 300'001);
  }
  SECTION("a long list given to many dictionaries") {
    std::string pairs = "](";
    for (int i = 0; i < 10'000; ++i) pairs += "NN\x86";
    std::string bytes = pairs +
                        "e\x85q\x01"
                        "0ccollections\nOrderedDict\nq\x02"
                        "0";
    for (int i = 0; i < 10'000; ++i) bytes += "h\x02h\x01R0";
    CHECK(holds(refusal(bytes + "N."), "more than 4000000 items"));
  }
  SECTION("a key of a storage") {
    const test::TorchTensor tensor{"FloatStorage", std::string(300, 'k'), 1, 0, {}, {}};
    CHECK(holds(refusal(tensor.pickle() + "."), "key of more than 256"));
  }
}
