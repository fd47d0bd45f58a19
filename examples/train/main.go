// Command train learns from a quern output of tensors to predict a flight's delay, with
// gorgonia on the CPU: a logistic regression and a small perceptron. It prints the area
// under the ROC curve on the rows that the features were not learnt from, which are
// later in time.
//
//	go run . out/tensors
//
// The same tensors give the same figures: nothing is drawn but from fixed seeds.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	// Not called here: gorgonia requires an old version, which refuses to start on new Go.
	_ "go4.org/unsafe/assume-no-moving-gc"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: train FOLDER")
		os.Exit(2)
	}
	if err := report(context.Background(), os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// report trains and judges both models on the output in a folder.
func report(ctx context.Context, w io.Writer, folder string) error {
	d, err := load(ctx, folder)
	if err != nil {
		return err
	}
	train, test := rows(d.train), rows(d.test)
	if train == 0 || test == 0 {
		return errors.New("the recipe's fit.where leaves no rows to learn from, or none to test on")
	}
	fmt.Fprintf(w, "%d rows to learn from, %d later ones to test on, %d features\n", train, test, d.width())
	for _, k := range kinds() {
		start := time.Now()
		score, err := k.judge(d)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%-20s AUC %.4f  (%.1f s)\n", k.name, score, time.Since(start).Seconds())
	}
	return nil
}

func rows(blocks []block) (n int) {
	for _, b := range blocks {
		n += len(b.y)
	}
	return n
}

// kind is a kind of model and how it is trained.
type kind struct {
	name     string
	hidden   []int // sizes of the hidden layers
	schedule schedule
}

func kinds() []kind {
	return []kind{
		{"logistic regression", nil, schedule{seed: 1, rows: 512, epochs: 8, rate: 0.02}},
		{"perceptron, 32", []int{32}, schedule{seed: 1, rows: 512, epochs: 8, rate: 0.01}},
	}
}

// judge trains a model and returns its AUC on the test rows.
func (k *kind) judge(d *data) (float64, error) {
	sizes := append(append([]int{d.width()}, k.hidden...), 1)
	m := newModel(k.schedule.seed, sizes...)
	if err := m.fit(d, k.schedule); err != nil {
		return 0, err
	}
	var scores, labels []float32
	for _, b := range d.test {
		z, err := m.predict(b.x, d.width())
		if err != nil {
			return 0, err
		}
		scores, labels = append(scores, z...), append(labels, b.y...)
	}
	return auc(scores, labels), nil
}
