//! The contract's types as the canonical ABI lays them out in memory, the host's functions that this
//! plugin imports, and the memory that both sides hand things over in. Nothing else lies between the
//! functions in plugin.zig and their host.

const std = @import("std");

/// What the host names a column or a batch of its own by.
pub const Handle = u32;

/// A list is its address and how many items it has. So is a string, of bytes.
pub fn List(comptime T: type) type {
    return extern struct {
        ptr: [*]const T,
        len: usize,

        pub fn of(list: []const T) @This() {
            return .{ .ptr = list.ptr, .len = list.len };
        }

        pub fn items(self: @This()) []const T {
            return if (self.len == 0) &.{} else self.ptr[0..self.len];
        }
    };
}
pub const String = List(u8);

/// A variant is the number of its case, and behind it, aligned, what the case carries. So is an option:
/// 0 is `none`, 1 is `some`.
pub fn Option(comptime T: type) type {
    return extern struct {
        is_some: bool,
        value: T,

        pub const none: @This() = .{ .is_some = false, .value = undefined };

        pub fn some(value: T) @This() {
            return .{ .is_some = true, .value = value };
        }
    };
}

/// And a result: 0 is `ok`, 1 is `err`.
pub fn Result(comptime T: type) type {
    return extern struct {
        is_err: bool,
        payload: extern union { ok: T, err: Error },

        pub fn ok(value: T) @This() {
            return .{ .is_err = false, .payload = .{ .ok = value } };
        }

        pub fn err(why: Error) @This() {
            return .{ .is_err = true, .payload = .{ .err = why } };
        }
    };
}

pub const DataType = extern struct {
    // zig fmt: off
    case: enum(u8) {
        boolean, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64,
        utf8, binary, date32, time64, timestamp, decimal128, list, fixed_size_list, @"struct",
    },
    // zig fmt: on
    /// Of timestamps, decimals and lists of a fixed size, which this plugin has none of.
    payload: [4]u32 = @splat(0),
};

pub const Field = extern struct {
    name: String,
    data_type: DataType,
    nullable: bool = true,
    children: List(u32) = .of(&.{}),
};

pub const Schema = extern struct {
    fields: List(Field),
    columns: List(u32),
};

pub const Array = extern struct {
    length: u32,
    validity: Option(List(u8)),
    values: Values,

    /// Whether a row is not null: a bit of `validity`, the least significant first.
    pub fn isPresent(self: *const Array, row: usize) bool {
        if (!self.validity.is_some) return true;
        return self.validity.value.ptr[row / 8] >> @intCast(row % 8) & 1 == 1;
    }
};

pub const Values = extern struct {
    // zig fmt: off
    case: enum(u8) {
        boolean, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64,
        bytes, int128, offsets, none,
    },
    // zig fmt: on
    payload: extern union {
        int64: List(i64),
        float64: List(f64),
        bytes: extern struct { offsets: List(i32), bytes: List(u8) },
        words: [4]u32,
    },
};

pub const Error = extern struct {
    case: enum(u8) { invalid, rows, failed },
    payload: extern union { text: String, rows: List(RowError) },
};

pub const RowError = extern struct { row: u32, message: String };

pub const Value = extern struct {
    // zig fmt: off
    case: enum(u8) {
        null, boolean, int64, uint64, float32, float64, utf8, binary, timestamp_micros, date32, nested,
    },
    // zig fmt: on
    payload: extern union { none: u64, int64: i64, float64: f64, utf8: String } = .{ .none = 0 },
};

pub const Arguments = extern struct {
    case: enum(u8) { exact, variadic, any },
    schema: Schema,
};

pub const Signature = extern struct {
    name: String,
    description: String,
    arguments: Arguments,
    returns: Option(Schema),
    deterministic: bool = true,
    parameters: List(Parameter),
};

pub const Parameter = extern struct {
    name: String,
    description: String,
    required: bool = false,
    default: Option(String),
};

/// A name and a value of `open-context`.
pub const Given = extern struct { name: String, value: String };

/// Imports: a module for each interface of the contract, and `[export]` of the one that is ours for
/// the handles of its resource. What does not fit into one number comes in the memory behind the last
/// argument.
const host = struct {
    extern "wasmill:udf/columns@0.2.0" fn @"[method]batch.rows"(batch: Handle) u32;
    extern "wasmill:udf/columns@0.2.0" fn @"[method]batch.read"(batch: Handle, index: u32, array: *Array) void;
    extern "wasmill:udf/columns@0.2.0" fn @"[resource-drop]batch"(batch: Handle) void;
    /// A data type, an array and its children, each record and variant taken apart into numbers: 16,
    /// as many as there may be before all of them would go through memory.
    extern "wasmill:udf/columns@0.2.0" fn @"[constructor]column"(
        u32, u32, u32, u32, u32, // the data type: its case, and four words
        u32, u32, usize, usize, // length; validity: is there one, its address, its bytes
        u32, u32, u32, u32, u32, // values: the case, and the addresses and lengths of its lists
        usize, usize, // the children
    ) Handle;
    extern "[export]wasmill:udf/scalar@0.2.0" fn @"[resource-new]scalar-function"(own: *anyopaque) Handle;
};

/// A batch that the host lends for a call.
pub const Batch = struct {
    handle: Handle,

    pub fn rows(self: Batch) u32 {
        return host.@"[method]batch.rows"(self.handle);
    }

    /// Copies a column in: its buffers lie in memory of [`call`] then.
    pub fn read(self: Batch, index: u32) Array {
        var array: Array = undefined;
        host.@"[method]batch.read"(self.handle, index, &array);
        return array;
    }

    /// What is lent has to be given back before the call ends.
    pub fn giveBack(self: Batch) void {
        host.@"[resource-drop]batch"(self.handle);
    }
};

/// Copies a column out. The host checks it.
pub fn column(data_type: DataType, array: Array) Handle {
    const words = data_type.payload;
    const validity = if (array.validity.is_some) array.validity.value else List(u8).of(&.{});
    const values = array.values.payload.words;
    return host.@"[constructor]column"(
        @intFromEnum(data_type.case), words[0], words[1], words[2], words[3],
        array.length, @intFromBool(array.validity.is_some), @intFromPtr(validity.ptr), validity.len,
        @intFromEnum(array.values.case), values[0], values[1], values[2], values[3],
        0, 0,
    );
}

/// A handle for an opened function of ours. The host gives the address back whenever it calls a method
/// of it, and at last to its destructor.
pub fn handleOf(own: *anyopaque) Handle {
    return host.@"[resource-new]scalar-function"(own);
}

/// Memory of one call: what the host hands in, what is made, and what is handed out. It is free again
/// when the host has read the result, which it says by calling the export `cabi_post_…`.
var arena: std.heap.ArenaAllocator = .init(std.heap.wasm_allocator);
pub const call = arena.allocator();

pub fn endCall(_: *const anyopaque) callconv(.c) void {
    _ = arena.reset(.retain_capacity);
}

/// Where the host puts what it hands in.
fn realloc(old: [*]u8, old_size: usize, alignment: usize, size: usize) callconv(.c) [*]u8 {
    if (size == 0) return @ptrFromInt(alignment);
    const made = call.rawAlloc(size, .fromByteUnits(alignment), @returnAddress()) orelse @trap();
    @memcpy(made[0..@min(old_size, size)], old[0..@min(old_size, size)]);
    return made;
}

comptime {
    @export(&realloc, .{ .name = "cabi_realloc" });
}

/// There is no memory left: the host ends a guest that traps.
pub fn orTrap(made: anytype) @typeInfo(@TypeOf(made)).error_union.payload {
    return made catch @trap();
}
