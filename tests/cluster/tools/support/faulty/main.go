// faulty puts a fault in front of a healthy web application: every n-th request of a user is answered by the
// application's own /status/500, so that the application's own metrics count it. Probes and metrics stay right.
package main

import (
	"flag"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
)

func main() {
	listen := flag.String("listen", ":9898", "address for users")
	every := flag.Uint64("every", 3, "one request in so many fails")
	behind := flag.String("behind", "http://127.0.0.1:9899", "the application")
	flag.Parse()

	target, err := url.Parse(*behind)
	if err != nil {
		log.Fatal(err)
	}
	name, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	var served atomic.Uint64
	proxy := &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(target)
			path := request.In.URL.Path
			if !strings.HasSuffix(path, "z") && path != "/metrics" && served.Add(1)%*every == 0 {
				request.Out.URL.Path = "/status/500"
			}
		},
		// The answer of /status/500 does not say which pod it comes from.
		ModifyResponse: func(response *http.Response) error {
			response.Header.Set("X-Served-By", name)
			return nil
		},
	}

	application := exec.Command(flag.Arg(0), flag.Args()[1:]...)
	application.Stdout, application.Stderr = os.Stdout, os.Stderr
	if err := application.Start(); err != nil {
		log.Fatal(err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		application.Process.Signal(<-signals) // it ends by itself once it has drained, and we with it
	}()
	go func() { log.Fatal(http.ListenAndServe(*listen, proxy)) }()
	if err := application.Wait(); err != nil {
		log.Fatal(err)
	}
}
