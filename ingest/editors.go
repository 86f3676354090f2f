package ingest

// editorFolders are the folders in which Visual Studio Code and its kin keep
// what belongs to a person, relative to the home folder: on Linux, on servers,
// on macOS and on Windows.
var editorFolders = func() (all []string) {
	for _, under := range []string{".config", "Library/Application Support", "AppData/Roaming"} {
		for _, editor := range []string{"Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf"} {
			all = append(all, under+"/"+editor+"/User")
		}
	}
	return append(all, ".vscode-server/data/User", ".vscode-server-insiders/data/User")
}()

// inEditors returns the places of a glob in the folders of all editors.
func inEditors(globs ...string) (places []string) {
	for _, dir := range editorFolders {
		for _, glob := range globs {
			places = append(places, dir+"/"+glob)
		}
	}
	return places
}
