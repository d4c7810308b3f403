//! Scalar functions in Zig, straight against wit/: the interface `wasmill:udf/scalar` has five exports.

const std = @import("std");
const abi = @import("abi.zig");

const interface = "wasmill:udf/scalar@0.2.0";

comptime {
    @export(&functions, .{ .name = interface ++ "#functions" });
    @export(&open, .{ .name = interface ++ "#[static]scalar-function.open" });
    @export(&returns, .{ .name = interface ++ "#[method]scalar-function.returns" });
    @export(&eval, .{ .name = interface ++ "#[method]scalar-function.eval" });
    @export(&batchEval, .{ .name = interface ++ "#[method]scalar-function.batch-eval" });
    @export(&drop, .{ .name = interface ++ "#[dtor]scalar-function" });
    for (.{
        "functions",
        "[static]scalar-function.open",
        "[method]scalar-function.returns",
        "[method]scalar-function.eval",
        "[method]scalar-function.batch-eval",
    }) |name| @export(&abi.endCall, .{ .name = "cabi_post_" ++ interface ++ "#" ++ name });
}

/// Which function, and what it was opened with.
const Opened = struct {
    name: Name,
    greeting: []const u8,
};
const Name = enum { add, ratio, greet };

fn schema(comptime fields: []const abi.Field) abi.Schema {
    const columns = comptime blk: {
        var columns: [fields.len]u32 = undefined;
        for (&columns, 0..) |*place, index| place.* = index;
        break :blk columns;
    };
    return .{ .fields = .of(fields), .columns = .of(&columns) };
}

fn field(name: []const u8, case: @FieldType(abi.DataType, "case")) abi.Field {
    return .{ .name = .of(name), .data_type = .{ .case = case } };
}

fn resultOf(name: Name) abi.Schema {
    return switch (name) {
        .add => schema(&.{field("sum", .int64)}),
        .ratio => schema(&.{field("ratio", .float64)}),
        .greet => schema(&.{field("greeting", .utf8)}),
    };
}

const offered = [_]abi.Signature{
    .{
        .name = .of("add"),
        .description = .of("The sum of two numbers."),
        .arguments = .{ .case = .exact, .schema = schema(&.{ field("a", .int64), field("b", .int64) }) },
        .returns = .some(resultOf(.add)),
        .parameters = .of(&.{}),
    },
    .{
        .name = .of("ratio"),
        .description = .of("A number by another one, which must not be 0."),
        .arguments = .{ .case = .exact, .schema = schema(&.{ field("a", .float64), field("b", .float64) }) },
        .returns = .some(resultOf(.ratio)),
        .parameters = .of(&.{}),
    },
    .{
        .name = .of("greet"),
        .description = .of("Greets somebody."),
        .arguments = .{ .case = .exact, .schema = schema(&.{field("name", .utf8)}) },
        .returns = .some(resultOf(.greet)),
        .parameters = .of(&.{.{
            .name = .of("greeting"),
            .description = .of("what to say before the name"),
            .default = .some(.of("Hello")),
        }}),
    },
};
const all: abi.List(abi.Signature) = .of(&offered);

fn functions() callconv(.c) *const abi.List(abi.Signature) {
    return &all;
}

/// A result that does not fit into one number is the address of where it lies.
fn handed(value: anytype) *const @TypeOf(value) {
    const place = abi.orTrap(abi.call.create(@TypeOf(value)));
    place.* = value;
    return place;
}

/// A name, and an open-context taken apart: lists of parameters, of fields and of columns.
fn open(
    name: [*]const u8,
    name_len: usize,
    parameters: [*]const abi.Given,
    parameter_count: usize,
    _: [*]const abi.Field,
    _: usize,
    _: [*]const u32,
    _: usize,
) callconv(.c) *const abi.Result(abi.Handle) {
    const known = std.meta.stringToEnum(Name, name[0..name_len]) orelse
        return handed(abi.Result(abi.Handle).err(invalid("there is no such function")));
    var greeting: []const u8 = "";
    if (known == .greet) {
        for (parameters[0..parameter_count]) |parameter| {
            if (std.mem.eql(u8, parameter.name.items(), "greeting")) greeting = parameter.value.items();
        }
        if (greeting.len == 0)
            return handed(abi.Result(abi.Handle).err(invalid("the parameter 'greeting' is empty")));
    }
    // It lives longer than the call.
    const opened = abi.orTrap(std.heap.wasm_allocator.create(Opened));
    opened.* = .{
        .name = known,
        .greeting = abi.orTrap(std.heap.wasm_allocator.dupe(u8, greeting)),
    };
    return handed(abi.Result(abi.Handle).ok(abi.handleOf(opened)));
}

fn drop(opened: *Opened) callconv(.c) void {
    std.heap.wasm_allocator.free(opened.greeting);
    std.heap.wasm_allocator.destroy(opened);
}

fn invalid(comptime text: []const u8) abi.Error {
    return .{ .case = .invalid, .payload = .{ .text = .of(text) } };
}

fn returns(opened: *const Opened) callconv(.c) *const abi.Schema {
    return handed(switch (opened.name) {
        inline else => |name| resultOf(name),
    });
}

/// What a row gives, or why it fails.
fn Outcome(comptime T: type) type {
    return union(enum) { value: T, failed: []const u8 };
}

fn print(comptime format: []const u8, values: anytype) []const u8 {
    return abi.orTrap(std.fmt.allocPrint(abi.call, format, values));
}

fn add(a: i64, b: i64) Outcome(i64) {
    const sum = std.math.add(i64, a, b) catch
        return .{ .failed = print("{d} + {d} is out of range", .{ a, b }) };
    return .{ .value = sum };
}

fn ratio(a: f64, b: f64) Outcome(f64) {
    if (b == 0) return .{ .failed = print("{d} cannot be divided by 0", .{a}) };
    return .{ .value = a / b };
}

fn greet(opened: *const Opened, name: []const u8) []const u8 {
    return print("{s}, {s}!", .{ opened.greeting, name });
}

fn eval(opened: *const Opened, row: [*]const abi.Value, _: usize) callconv(.c) *const abi.Result(abi.Value) {
    return handed(switch (opened.name) {
        .add => evalTwo(i64, "int64", add, row[0], row[1]),
        .ratio => evalTwo(f64, "float64", ratio, row[0], row[1]),
        .greet => abi.Result(abi.Value).ok(switch (row[0].case) {
            .utf8 => .{
                .case = .utf8,
                .payload = .{ .utf8 = .of(greet(opened, row[0].payload.utf8.items())) },
            },
            else => .{ .case = .null },
        }),
    });
}

/// `case` is what the contract calls values of `T`.
fn evalTwo(
    comptime T: type,
    comptime case: []const u8,
    comptime apply: fn (T, T) Outcome(T),
    a: abi.Value,
    b: abi.Value,
) abi.Result(abi.Value) {
    if (a.case == .null or b.case == .null) return .ok(.{ .case = .null });
    return switch (apply(@field(a.payload, case), @field(b.payload, case))) {
        .value => |value| .ok(.{
            .case = @field(@FieldType(abi.Value, "case"), case),
            .payload = @unionInit(@FieldType(abi.Value, "payload"), case, value),
        }),
        .failed => |why| .err(badRows(&.{.{ .row = 0, .message = .of(why) }})),
    };
}

fn badRows(rows: []const abi.RowError) abi.Error {
    const kept = abi.orTrap(abi.call.dupe(abi.RowError, rows));
    return .{ .case = .rows, .payload = .{ .rows = .of(kept) } };
}

fn batchEval(opened: *const Opened, handle: abi.Handle) callconv(.c) *const abi.Result(abi.Handle) {
    const batch: abi.Batch = .{ .handle = handle };
    defer batch.giveBack();
    return handed(switch (opened.name) {
        .add => batchOfTwo(i64, "int64", add, batch),
        .ratio => batchOfTwo(f64, "float64", ratio, batch),
        .greet => greetings(opened, batch),
    });
}

/// One bit a row.
const Validity = struct {
    bits: []u8,

    fn init(rows: usize) Validity {
        const bits = abi.orTrap(abi.call.alloc(u8, (rows + 7) / 8));
        @memset(bits, 0);
        return .{ .bits = bits };
    }

    fn set(self: Validity, row: usize) void {
        self.bits[row / 8] |= @as(u8, 1) << @intCast(row % 8);
    }
};

fn batchOfTwo(
    comptime T: type,
    comptime case: []const u8,
    comptime apply: fn (T, T) Outcome(T),
    batch: abi.Batch,
) abi.Result(abi.Handle) {
    const rows = batch.rows();
    const a = batch.read(0);
    const b = batch.read(1);
    const as = @field(a.values.payload, case).items();
    const bs = @field(b.values.payload, case).items();
    const values = abi.orTrap(abi.call.alloc(T, rows));
    const validity: Validity = .init(rows);
    var failed: std.ArrayList(abi.RowError) = .empty;
    for (values, 0..) |*place, row| {
        place.* = 0;
        if (!a.isPresent(row) or !b.isPresent(row)) continue;
        switch (apply(as[row], bs[row])) {
            .value => |value| {
                place.* = value;
                validity.set(row);
            },
            .failed => |why| abi.orTrap(failed.append(abi.call, .{
                .row = @intCast(row),
                .message = .of(why),
            })),
        }
    }
    if (failed.items.len > 0) return .err(badRows(failed.items));
    return .ok(abi.column(.{ .case = @field(@FieldType(abi.DataType, "case"), case) }, .{
        .length = rows,
        .validity = .some(.of(validity.bits)),
        .values = .{
            .case = @field(@FieldType(abi.Values, "case"), case),
            .payload = @unionInit(@FieldType(abi.Values, "payload"), case, .of(values)),
        },
    }));
}

fn greetings(opened: *const Opened, batch: abi.Batch) abi.Result(abi.Handle) {
    const rows = batch.rows();
    const names = batch.read(0);
    const texts = names.values.payload.bytes;
    const ends = abi.orTrap(abi.call.alloc(i32, rows + 1));
    const validity: Validity = .init(rows);
    var bytes: std.ArrayList(u8) = .empty;
    ends[0] = 0;
    for (0..rows) |row| {
        if (names.isPresent(row)) {
            const start: usize = @intCast(texts.offsets.ptr[row]);
            const end: usize = @intCast(texts.offsets.ptr[row + 1]);
            const name = texts.bytes.items()[start..end];
            abi.orTrap(bytes.appendSlice(abi.call, greet(opened, name)));
            validity.set(row);
        }
        ends[row + 1] = @intCast(bytes.items.len);
    }
    return .ok(abi.column(.{ .case = .utf8 }, .{
        .length = rows,
        .validity = .some(.of(validity.bits)),
        .values = .{
            .case = .bytes,
            .payload = .{ .bytes = .{ .offsets = .of(ends), .bytes = .of(bytes.items) } },
        },
    }));
}
