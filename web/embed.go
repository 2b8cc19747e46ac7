// Package web holds the browser UI: the dashboard at / and GraphiQL at /graphiql.
//
// The UI is a Vite project in this folder; `npm run build` writes it to dist, from where it is
// compiled into the binary. A binary built without that step still works and says at these
// addresses what is missing.
package web

import (
	"embed"
	"io/fs"
)

// The folder holds a placeholder in a fresh clone, so that the package compiles without Node.
//
//go:embed all:dist
var dist embed.FS

// Files returns the built UI, rooted at its index.html, and whether it was built. Without a build
// the file system is empty but for a placeholder.
func Files() (fs.FS, bool) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return dist, false // fs.Sub refuses only malformed paths, and "dist" is none
	}
	return files, isBuilt(files)
}

// isBuilt tells whether both pages are there.
func isBuilt(files fs.FS) bool {
	for _, page := range []string{dashboardPage, graphiqlPage} {
		if info, err := fs.Stat(files, page); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}
