// lua runs Lua scripts as Argo CD runs those of its configuration: only the base library and tables, one second, the
// object in the global `obj`, the parameters of an action in `actionParams`. It reads one request from each line of its
// standard input and answers each with a line; both are JSON.
package main

import (
	"context"
	"encoding/json"
	"log"
	"math"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
)

type request struct {
	Script     string            `json:"script"`
	Object     any               `json:"object"`
	Parameters map[string]string `json:"parameters"`
}

type answer struct {
	Result any    `json:"result"`
	Error  string `json:"error,omitempty"`
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for in.More() {
		var one request
		if err := in.Decode(&one); err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(run(one)); err != nil {
			log.Fatal(err)
		}
	}
}

func run(one request) answer {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}} {
		state.Push(state.NewFunction(library.open))
		state.Push(lua.LString(library.name))
		state.Call(1, 0)
	}
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limit)

	parameters := state.NewTable()
	for name, value := range one.Parameters {
		parameters.RawSetString(name, lua.LString(value))
	}
	state.SetGlobal("actionParams", parameters)
	state.SetGlobal("obj", toLua(state, one.Object))
	if err := state.DoString(one.Script); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Result: fromLua(state.Get(-1))}
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch known := value.(type) {
	case bool:
		return lua.LBool(known)
	case float64:
		return lua.LNumber(known)
	case string:
		return lua.LString(known)
	case []any:
		table := state.NewTable()
		for _, item := range known {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range known {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	}
	return lua.LNil
}

// fromLua cannot tell an empty list from an empty object: both are a list.
func fromLua(value lua.LValue) any {
	switch known := value.(type) {
	case lua.LBool:
		return bool(known)
	case lua.LNumber:
		if whole := math.Trunc(float64(known)); whole == float64(known) {
			return int64(whole)
		}
		return float64(known)
	case lua.LString:
		return string(known)
	case *lua.LTable:
		if known.MaxN() > 0 || empty(known) {
			list := []any{}
			known.ForEach(func(_, item lua.LValue) { list = append(list, fromLua(item)) })
			return list
		}
		object := map[string]any{}
		known.ForEach(func(key, item lua.LValue) { object[key.String()] = fromLua(item) })
		return object
	}
	return nil
}

func empty(table *lua.LTable) bool {
	key, _ := table.Next(lua.LNil)
	return key == lua.LNil
}
