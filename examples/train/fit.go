package main

import (
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// schedule says how to train.
type schedule struct {
	seed   uint64 // of the order of batches
	rows   int    // of a batch
	epochs int
	rate   float64 // of Adam in the first epoch; each later one has half of the one before
}

// fit trains m by Adam on batches of consecutive rows, whose order is drawn anew for
// every epoch.
func (m *model) fit(d *data, s schedule) error {
	all := batches(d.train, s.rows, d.width())
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float32, G.WithShape(s.rows, d.width()), G.WithName("x"))
	y := G.NewMatrix(g, tensor.Float32, G.WithShape(s.rows, 1), G.WithName("y"))
	logits, learnt, err := m.graph(x)
	if err != nil {
		return err
	}
	if err := descend(logits, y, learnt); err != nil {
		return err
	}
	vm := G.NewTapeMachine(g, G.BindDualValues(learnt...))
	defer vm.Close()
	random := rand.New(rand.NewPCG(s.seed, 1))
	solver := G.NewAdamSolver(G.WithLearnRate(s.rate))
	for epoch := range s.epochs {
		G.WithLearnRate(s.rate / float64(int(1)<<epoch))(solver)
		for _, i := range random.Perm(len(all)) {
			if err := step(vm, solver, learnt, map[*G.Node]tensor.Tensor{x: dense(all[i].x, d.width()), y: dense(all[i].y, 1)}); err != nil {
				return err
			}
		}
	}
	m.take(learnt)
	return nil
}

// descend adds the loss and its gradients to the graph of logits: the mean of
// log(1 + exp(z)) - y z, which is the cross entropy of sigmoid(z) and y.
func descend(logits, y *G.Node, learnt G.Nodes) error {
	soft, err := G.Softplus(logits)
	if err != nil {
		return err
	}
	hit, err := G.HadamardProd(logits, y)
	if err != nil {
		return err
	}
	each, err := G.Sub(soft, hit)
	if err != nil {
		return err
	}
	loss, err := G.Mean(each)
	if err != nil {
		return err
	}
	_, err = G.Grad(loss, learnt...)
	return err
}

// step learns from one batch.
func step(vm G.VM, solver G.Solver, learnt G.Nodes, batch map[*G.Node]tensor.Tensor) error {
	for node, value := range batch {
		if err := G.Let(node, value); err != nil {
			return err
		}
	}
	if err := vm.RunAll(); err != nil {
		return err
	}
	defer vm.Reset()
	return solver.Step(G.NodesToValueGrads(learnt))
}

// take makes the values of the learnt nodes the model's own.
func (m *model) take(learnt G.Nodes) {
	for i := range m.weights {
		m.weights[i] = learnt[2*i].Value().(*tensor.Dense)
		m.biases[i] = learnt[2*i+1].Value().(*tensor.Dense)
	}
}
