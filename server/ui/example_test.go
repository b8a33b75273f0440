package ui_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/digit-health/dhr/server/ui"
)

// The page stands beside what else a server has, here under a path of its own.
func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("/health-reports/", http.StripPrefix("/health-reports", ui.Handler(&ui.Options{Base: "/health-reports"})))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/health-reports/", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 text/html; charset=utf-8
}
