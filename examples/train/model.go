package main

import (
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// model is a classifier: a logistic regression, or a perceptron with one hidden layer.
// Its weights and biases are matrices; it is used by one goroutine.
type model struct {
	weights []*tensor.Dense // per layer: inputs by outputs
	biases  []*tensor.Dense // per layer: 1 by outputs
}

// newModel returns an untrained model of layers of the given sizes, from the inputs to
// the one output. Its weights are uniform in the range of Glorot and Bengio (2010), from
// a seed: gorgonia's own GlorotU takes the time for one.
func newModel(seed uint64, sizes ...int) *model {
	m, random := &model{}, rand.New(rand.NewPCG(seed, 0))
	for i, in := range sizes[:len(sizes)-1] {
		out := sizes[i+1]
		weights := make([]float32, in*out)
		limit := math.Sqrt(6 / float64(in+out))
		for j := range weights {
			weights[j] = float32(limit * (2*random.Float64() - 1))
		}
		m.weights = append(m.weights, dense(weights, out))
		m.biases = append(m.biases, dense(make([]float32, out), out))
	}
	return m
}

// graph returns the logits of m for rows x, and the nodes that have its weights and
// biases for values.
func (m *model) graph(x *G.Node) (logits *G.Node, learnt G.Nodes, err error) {
	logits = x
	for i := range m.weights {
		w := G.NodeFromAny(x.Graph(), m.weights[i])
		b := G.NodeFromAny(x.Graph(), m.biases[i])
		learnt = append(learnt, w, b)
		if i > 0 {
			if logits, err = G.Rectify(logits); err != nil {
				return nil, nil, err
			}
		}
		if logits, err = G.Mul(logits, w); err != nil {
			return nil, nil, err
		}
		if logits, err = G.BroadcastAdd(logits, b, nil, []byte{0}); err != nil {
			return nil, nil, err
		}
	}
	return logits, learnt, nil
}

// predict returns the logit of every row of x.
func (m *model) predict(x []float32, columns int) ([]float32, error) {
	g := G.NewGraph()
	logits, _, err := m.graph(G.NodeFromAny(g, dense(x, columns)))
	if err != nil {
		return nil, err
	}
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		return nil, err
	}
	return logits.Value().Data().([]float32), nil
}
