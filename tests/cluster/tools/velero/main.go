// modify does to objects what a restore of Velero does by the rules of a ConfigMap. It reads the ConfigMap and the
// objects, each with its resource, from its standard input, and answers with the objects and with what Velero says
// against the ConfigMap, or against a rule; all is JSON.
package main

import (
	"encoding/json"
	"io"
	"log"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/vmware-tanzu/velero/internal/resourcemodifiers"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

type item struct {
	Resource string                     `json:"resource"`
	Object   *unstructured.Unstructured `json:"object"`
}

type request struct {
	ConfigMap core.ConfigMap `json:"configMap"`
	Items     []item         `json:"items"`
}

type answer struct {
	Objects []*unstructured.Unstructured `json:"objects"`
	Errors  []string                     `json:"errors"`
}

func main() {
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(modify(asked)); err != nil {
		log.Fatal(err)
	}
}

func modify(asked request) answer {
	given := answer{Errors: []string{}}
	rules, err := resourcemodifiers.GetResourceModifiersFromConfig(&asked.ConfigMap)
	if err == nil {
		err = rules.Validate()
	}
	if err != nil {
		given.Errors = append(given.Errors, err.Error())
		return given
	}
	silent := logrus.New()
	silent.SetOutput(io.Discard)
	for _, one := range asked.Items {
		for _, err := range rules.ApplyResourceModifierRules(one.Object, one.Resource, runtime.NewScheme(), silent) {
			given.Errors = append(given.Errors, err.Error())
		}
		given.Objects = append(given.Objects, one.Object)
	}
	return given
}
