package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// ladders writes the search of Ladder. With AVX-512, the first seven steps look keys
// up in registers; all others gather.
func ladders(g *gen) {
	for _, kind := range []string{"float64", "int64"} {
		g.text("rank_"+kind, "func(dst []int64, x []"+kind+", nodes []int64, shift, last, nan int64)", "is Ladder.rank of each value.")
		l := &ladder{gen: g, nodes: Load(Param("nodes").Base(), GP64()), shift: Load(Param("shift"), GP64())}
		last, nan := g.scalar("last"), g.scalar("nan")
		l.load()
		g.loop([]slice{{"dst", 8}, {"x", 8}}, func(r *rows, half int) {
			x := r.load("x", half)
			key := x
			if kind == "float64" {
				key = g.ordered(g.add(x, g.c(0)))
			}
			below := g.least(l.search(key, fmt.Sprint(half)), last)
			if kind == "float64" {
				below = g.choose(g.test(unordered, x, x), below, nan)
			}
			r.store(below, "dst", half)
		})
		finish()
	}
}

// ladder is a search under way.
type ladder struct {
	*gen
	nodes, shift Register
	size         VecVirtual      // how many nodes there are
	levels       [4][]VecVirtual // AVX-512: nodes 0 to 15, and those of levels 4, 5, 6
}

// load fetches what does not change from value to value.
func (l *ladder) load() {
	shift := XMM()
	VMOVQ(l.shift, shift)
	l.size = l.held(l.bits(16))
	VPSLLQ(shift, l.size, l.size)
	if !l.wide() {
		return
	}
	for level, first := range []int{0, 16, 32, 64} {
		for at := first; at < max(2*first, 16); at += 8 {
			v := ZMM()
			VMOVDQU64(Mem{Base: l.nodes, Disp: 8 * at}, v)
			l.levels[level] = append(l.levels[level], v)
		}
	}
}

// search is how many keys are at most key.
func (l *ladder) search(key VecVirtual, label string) VecVirtual {
	var node VecVirtual
	if l.wide() {
		node = l.held(l.bits(1))
		for range 4 {
			l.step(node, key, l.lookUp(node, l.levels[0]))
		}
		for level := 1; level < 4; level++ {
			CMPQ(l.shift, U8(level))
			JL(LabelRef("found" + label))
			l.step(node, key, l.lookUp(node, l.levels[level]))
		}
	} else {
		node = l.topFour(key)
	}
	left := GP64()
	MOVQ(l.shift, left)
	if l.wide() {
		SUBQ(U8(3), left)
	}
	Label("gather" + label)
	SUBQ(U8(1), left)
	JL(LabelRef("found" + label))
	at := l.reg()
	from := Mem{Base: l.nodes, Index: node, Scale: 8}
	if l.wide() {
		all := K()
		KXNORB(all, all, all)
		VPGATHERQQ(from, all, at)
	} else {
		all := l.reg()
		VPCMPEQQ(all, all, all)
		VPGATHERQQ(all, from, at)
	}
	l.step(node, key, at)
	JMP(LabelRef("gather" + label))
	Label("found" + label)
	return l.subInts(node, l.size)
}

// step goes to the right child where key >= at, else to the left one.
func (l *ladder) step(node, key, at VecVirtual) {
	VPADDQ(node, node, node)
	if l.wide() {
		k := K()
		VPCMPQ(U8(5), at, key, k)
		VPADDQ_BCST(l.bits(1).mem, node, k, node)
		return
	}
	VPCMPGTQ(key, at, at) // -1 where at > key
	VPADDQ(at, node, node)
	VPADDQ(l.bits(1).mem, node, node)
}

// lookUp is the keys of nodes of a level, which lie in a pair of registers, or in
// the halves of a list of pairs, by the bits of the node above the fourth.
func (l *ladder) lookUp(node VecVirtual, tables []VecVirtual) VecVirtual {
	if len(tables) == 2 {
		at := ZMM()
		VMOVDQA64(node, at)
		VPERMI2Q(tables[1], tables[0], at)
		return at
	}
	half := len(tables) / 2
	low, high := l.lookUp(node, tables[:half]), l.lookUp(node, tables[half:])
	k := K()
	VPTESTMQ_BCST(l.bits(uint64(8*half)).mem, node, k)
	VMOVDQA64(high, k, low)
	return low
}

// topFour does the first four steps: it counts how many of the nodes are at most key.
func (l *ladder) topFour(key VecVirtual) VecVirtual {
	node := l.held(l.bits(16 + 15))
	for t := 1; t < 16; t++ {
		at := l.reg()
		VPBROADCASTQ(Mem{Base: l.nodes, Disp: 8 * t}, at)
		VPCMPGTQ(key, at, at)
		VPADDQ(at, node, node)
	}
	return node
}

// least is the smaller of two signed integers.
func (g *gen) least(a, b VecVirtual) VecVirtual {
	if g.wide() {
		d := g.reg()
		VPMINSQ(b, a, d)
		return d
	}
	return g.choose(g.testInts(6, a, b), a, b)
}
