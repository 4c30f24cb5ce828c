// How many executions each program of source_explored.cpp takes. See there.
#pragma once

#include <cstdint>
#include <string>

namespace source_tests {

struct pinned {
  const char* name;  // the owners; K: a canceller
  std::uint64_t executions;
};

inline constexpr pinned counts[] = {
    {"+r K", 1176},         {"+r KK", 2787},      {"+t K", 1676},       {"+t KK", 3774},
    {"+u K", 1176},         {"+u KK", 2787},      {"+y K", 646},        {"+y KK", 1679},
    {"+w K", 71},           {"+w KK", 439},       {"-ar K", 3001},      {"-ar KK", 2029},
    {"-at K", 4081},        {"-at KK", 2648},     {"-ay K", 1821},      {"-ay KK", 1337},
    {"-aw K", 270},         {"-aw KK", 617},      {"+r +r K", 8722},    {"+r +t K", 14526},
    {"+r +u K", 8722},      {"+r +y K", 6196},    {"+r +w K", 1238},    {"+r -ar K", 7248},
    {"+r -at K", 11267},    {"+r -ay K", 5481},   {"+r -aw K", 2255},   {"+t +t K", 22367},
    {"+t +u K", 13161},     {"+t +y K", 10244},   {"+t +w K", 1544},    {"+t -ar K", 10859},
    {"+t -at K", 17215},    {"+t -ay K", 8826},   {"+t -aw K", 3195},   {"+u +u K", 8722},
    {"+u +y K", 6196},      {"+u +w K", 1238},    {"+u -ar K", 7248},   {"+u -at K", 11267},
    {"+u -ay K", 5481},     {"+u -aw K", 2255},   {"+y +y K", 3240},    {"+y +w K", 748},
    {"+y -ar K", 4087},     {"+y -at K", 6543},   {"+y -ay K", 2887},   {"+y -aw K", 1217},
    {"+w +w K", 503},       {"+w -ar K", 997},    {"+w -at K", 1315},   {"+w -ay K", 712},
    {"+w -aw K", 601},      {"-ar -ar K", 11189}, {"-ar -at K", 16911}, {"-ar -ay K", 7232},
    {"-ar -aw K", 2419},    {"-at -at K", 26615}, {"-at -ay K", 11602}, {"-at -aw K", 3291},
    {"-ay -ay K", 4499},    {"-ay -aw K", 1460},  {"-aw -aw K", 1029},  {"+r +r +r K", 897722},
    {"+w +r -aw K", 51777},
};

inline std::uint64_t pinned_count(const std::string& name) {
  for (const pinned& each : counts) {
    if (name == each.name) return each.executions;
  }
  return 0;
}

}  // namespace source_tests
