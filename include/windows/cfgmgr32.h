// Belay's own text. Of the configuration manager: which devices have an interface class.

#ifndef BELAY_WINDOWS_CFGMGR32_H_
#define BELAY_WINDOWS_CFGMGR32_H_

#ifndef _CFGMGR32_H_
#define _CFGMGR32_H_
#endif

#include "guiddef.h"
#include "windef.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef DWORD RETURN_TYPE;
typedef RETURN_TYPE CONFIGRET;
typedef DWORD DEVNODE, DEVINST;
typedef DEVNODE *PDEVNODE, *PDEVINST;
typedef CHAR* DEVNODEID_A;
typedef WCHAR* DEVNODEID_W;
typedef CHAR* DEVINSTID_A;
typedef WCHAR* DEVINSTID_W;
typedef HANDLE HMACHINE;
typedef HMACHINE* PHMACHINE;

#define CR_SUCCESS 0x00000000
#define CR_DEFAULT 0x00000001
#define CR_OUT_OF_MEMORY 0x00000002
#define CR_INVALID_POINTER 0x00000003
#define CR_INVALID_FLAG 0x00000004
#define CR_INVALID_DEVNODE 0x00000005
#define CR_NO_SUCH_DEVNODE 0x0000000D
#define CR_FAILURE 0x00000013
#define CR_CREATE_BLOCKED 0x00000015
#define CR_BUFFER_SMALL 0x0000001A
#define CR_REGISTRY_ERROR 0x0000001D
#define CR_INVALID_DEVICE_ID 0x0000001E
#define CR_INVALID_DATA 0x0000001F
#define CR_ACCESS_DENIED 0x00000033
#define CR_CALL_NOT_IMPLEMENTED 0x00000034
#define CR_NO_SUCH_DEVICE_INTERFACE 0x00000037
#define CR_NO_SUCH_VALUE 0x00000025

#define CM_GET_DEVICE_INTERFACE_LIST_PRESENT 0x00000000
#define CM_GET_DEVICE_INTERFACE_LIST_ALL_DEVICES 0x00000001
#define CM_GET_DEVICE_INTERFACE_LIST_BITS 0x00000001

/// The length, in characters, of the list that CM_Get_Device_Interface_List gives, its last
/// terminator included: 1 if no device has the interface.
CMAPI CONFIGRET WINAPI CM_Get_Device_Interface_List_SizeA(PULONG pulLen, LPGUID InterfaceClassGuid,
                                                          DEVINSTID_A pDeviceID, ULONG ulFlags);
CMAPI CONFIGRET WINAPI CM_Get_Device_Interface_List_SizeW(PULONG pulLen, LPGUID InterfaceClassGuid,
                                                          DEVINSTID_W pDeviceID, ULONG ulFlags);
/// The symbolic links of all devices with the interface, one after the other, then an empty one.
CMAPI CONFIGRET WINAPI CM_Get_Device_Interface_ListA(LPGUID InterfaceClassGuid,
                                                     DEVINSTID_A pDeviceID, PCHAR Buffer,
                                                     ULONG BufferLen, ULONG ulFlags);
CMAPI CONFIGRET WINAPI CM_Get_Device_Interface_ListW(LPGUID InterfaceClassGuid,
                                                     DEVINSTID_W pDeviceID, PWCHAR Buffer,
                                                     ULONG BufferLen, ULONG ulFlags);
/// The same, of a machine: only this one (NULL).
CMAPI CONFIGRET WINAPI CM_Get_Device_Interface_List_Size_ExA(PULONG pulLen,
                                                             LPGUID InterfaceClassGuid,
                                                             DEVINSTID_A pDeviceID, ULONG ulFlags,
                                                             HMACHINE hMachine);
CMAPI CONFIGRET WINAPI CM_Get_Device_Interface_List_Size_ExW(PULONG pulLen,
                                                             LPGUID InterfaceClassGuid,
                                                             DEVINSTID_W pDeviceID, ULONG ulFlags,
                                                             HMACHINE hMachine);
CMAPI CONFIGRET WINAPI CM_Get_Device_Interface_List_ExA(LPGUID InterfaceClassGuid,
                                                        DEVINSTID_A pDeviceID, PCHAR Buffer,
                                                        ULONG BufferLen, ULONG ulFlags,
                                                        HMACHINE hMachine);
CMAPI CONFIGRET WINAPI CM_Get_Device_Interface_List_ExW(LPGUID InterfaceClassGuid,
                                                        DEVINSTID_W pDeviceID, PWCHAR Buffer,
                                                        ULONG BufferLen, ULONG ulFlags,
                                                        HMACHINE hMachine);
#ifdef UNICODE
#define CM_Get_Device_Interface_List_Size CM_Get_Device_Interface_List_SizeW
#define CM_Get_Device_Interface_List CM_Get_Device_Interface_ListW
#define CM_Get_Device_Interface_List_Size_Ex CM_Get_Device_Interface_List_Size_ExW
#define CM_Get_Device_Interface_List_Ex CM_Get_Device_Interface_List_ExW
#else
#define CM_Get_Device_Interface_List_Size CM_Get_Device_Interface_List_SizeA
#define CM_Get_Device_Interface_List CM_Get_Device_Interface_ListA
#define CM_Get_Device_Interface_List_Size_Ex CM_Get_Device_Interface_List_Size_ExA
#define CM_Get_Device_Interface_List_Ex CM_Get_Device_Interface_List_ExA
#endif

#ifdef __cplusplus
}
#endif

#endif
