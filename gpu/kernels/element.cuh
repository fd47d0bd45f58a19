// Elements of tensors, as package pipeline/sink/tensor makes them.
#pragma once
#include "common.cuh"

#define NAN32_BITS 0x7fc00000u

// The bits of a register's value, or of null, as an element of type TYPE: F32, F64, I64 or
// BOOL (u8). real: the register holds a float64. A null that has no element is a fault.
template <u32 TYPE> struct Element;

template <> struct Element<F32> {
  typedef u32 type;
  static __device__ __forceinline__ u32 of(u64 bits, bool real, bool present, u64 fault) {
    if (!real) return present ? bits_of(__ll2float_rn((i64)bits)) : NAN32_BITS;
    double x = double_of(bits);
    return present && x == x ? bits_of(__double2float_rn(x)) : NAN32_BITS;
  }
};

template <> struct Element<F64> {
  typedef u64 type;
  static __device__ __forceinline__ u64 of(u64 bits, bool real, bool present, u64 fault) {
    if (!present) return NAN_BITS;
    return real ? bits_of(canonical(double_of(bits))) : bits_of(__ll2double_rn((i64)bits));
  }
};

template <> struct Element<I64> {
  typedef u64 type;
  static __device__ __forceinline__ u64 of(u64 bits, bool real, bool present, u64 fault) {
    if (!present) report(fault, FAULT_VALUE);
    return present ? bits : 0;
  }
};

template <> struct Element<BOOL> {
  typedef u8 type;
  static __device__ __forceinline__ u8 of(u64 bits, bool real, bool present, u64 fault) {
    if (!present) report(fault, FAULT_VALUE);
    return present ? (u8)bits : 0;
  }
};

// The element of a row of a column.
template <u32 TYPE> DEVICE typename Element<TYPE>::type element_at(const Column &c, u64 row, u64 fault) {
  u64 slot = slot_of(c, row);
  bool present = slot < c.slots && bit(c.valid, slot);
  u64 bits = present ? value_at(c, slot) : 0;
  return Element<TYPE>::of(bits, c.type == F32 || c.type == F64, present, fault);
}
