#include <windows.h>
/* Starts the command line that lies as UTF-8 in the file starter.txt beside it, as a program does that
   waits for nothing. */
int WINAPI wWinMain(HINSTANCE a, HINSTANCE b, PWSTR c, int d) {
  WCHAR name[2048]; GetModuleFileNameW(0, name, 2000); lstrcpyW(name + lstrlenW(name) - 3, L"txt");
  HANDLE f = CreateFileW(name, GENERIC_READ, 0, 0, OPEN_EXISTING, 0, 0); char buf[8192]; DWORD n;
  ReadFile(f, buf, 8190, &n, 0); CloseHandle(f); buf[n] = 0;
  WCHAR line[8192]; MultiByteToWideChar(CP_UTF8, 0, buf, -1, line, 8190);
  STARTUPINFOW s = {sizeof s}; PROCESS_INFORMATION p;
  if (!CreateProcessW(0, line, 0, 0, FALSE, 0, 0, 0, &s, &p)) return 4;
  WaitForSingleObject(p.hProcess, 60000); return 0;
}
